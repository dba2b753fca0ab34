# The layouts beside NIH's: metadata.jsonl, metadata.csv, one folder per class, with and without folders per split.
. "$(dirname "$0")/lib.sh"
run "$VITRAIN" sample --out raw --images 24 --image-size 64 --seed 9
mkdir pngs && tar -xzf raw/images_001.tar.gz -C pngs
mapfile -t images < <(find pngs -name '*.png' | sort)

# Folder with metadata; the second image stands in no row, which is said.
mkdir jsonl && cp "${images[@]}" jsonl/
for i in "${!images[@]}"; do
    [ "$i" = 1 ] && continue
    echo "{\"file_name\": \"$(basename "${images[$i]}")\", \"labels\": [\"$([ $((i % 2)) = 0 ] && echo even || echo odd)\"]}"
done > jsonl/metadata.jsonl
run "$VITRAIN" prepare --data jsonl --out from_jsonl --image-size 32 --split random --validation-fraction 0.25 --labels even,odd
holds "'even', 'odd'"
cat out.txt err.txt | grep -qi '1 image\|1 file' || fail "the image without a row is not spoken of: $(cat out.txt err.txt)"

mkdir csv && cp "${images[@]}" csv/
{
    echo file_name,label
    for i in "${!images[@]}"; do echo "$(basename "${images[$i]}"),$([ $((i % 3)) = 0 ] && echo '"a|b"' || echo b)"; done
} > csv/metadata.csv
run "$VITRAIN" prepare --data csv --out from_csv --image-size 32 --validation-fraction 0.25
holds "'a', 'b'"

mkdir -p classes/cat classes/dog
for i in "${!images[@]}"; do cp "${images[$i]}" "classes/$([ $((i % 2)) = 0 ] && echo cat || echo dog)/"; done
run "$VITRAIN" prepare --data classes --out from_classes --image-size 32 --validation-fraction 0.25
holds "'cat', 'dog'"
run "$VITRAIN" info from_classes
holds single_label_classification
run "$VITRAIN" train --model vit-micro-patch16-224 --data from_classes --output-dir out --num-train-epochs 1
present out/eval_results.json
run "$VITRAIN" predict --model out "${images[0]}" --format jsonl
holds '"cat": '

for split in train validation test; do
    mkdir -p "splits/$split" && cp -r classes/cat classes/dog "splits/$split/"
done
run "$VITRAIN" prepare --data splits --out from_splits --image-size 32
run "$VITRAIN" info from_splits
holds 'test images             24'
holds 'split by                folders'

mkdir nothing
expect_error nothing "$VITRAIN" prepare --data nothing --out refused
rm jsonl/"$(basename "${images[5]}")"
run "$VITRAIN" prepare --data jsonl --out again --image-size 32 --split random
cat out.txt err.txt | grep -qi 'missing\|absent\|not there\|not found' || fail "the absent image is not spoken of: $(cat out.txt err.txt)"
printf '{"file_name": "x.png", "labels": [\n' >> jsonl/metadata.jsonl
expect_error metadata.jsonl "$VITRAIN" prepare --data jsonl --out refused --image-size 32
