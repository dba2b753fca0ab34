# Tables of labels as CheXpert and PadChest have them: what is recognised, what the options say, and training on the result.
. "$(dirname "$0")/lib.sh"
run "$VITRAIN" sample --out raw --images 24 --image-size 64 --seed 9
mkdir pngs && tar -xzf raw/images_001.tar.gz -C pngs
mapfile -t images < <(find pngs -name '*.png' | sort)

# CheXpert: train.csv and valid.csv beside train/ and valid/, a column per finding; -1 is uncertain, empty not mentioned.
set=CheXpert-v1.0-small
mkdir "$set"
for part in train valid; do echo 'Path,Sex,Age,Frontal/Lateral,AP/PA,No Finding,Cardiomegaly,Edema' > "$set/$part.csv"; done
for i in "${!images[@]}"; do
    part=$([ $((i % 4)) = 3 ] && echo valid || echo train)
    path=$part/patient$(printf %05d $((i / 2 * 2 + i % 4 / 3)))/study1/view${i}_frontal.png
    mkdir -p "$set/$(dirname "$path")" && cp "${images[$i]}" "$set/$path"
    case $((i % 3)) in
        0) values='1.0,,' ;;
        1) values=',1.0,-1.0' ;;
        2) values='0.0,0.0,1.0' ;;
    esac
    echo "$set/$path,Female,5$i,Frontal,AP,$values" >> "$set/$part.csv"
done
run "$VITRAIN" prepare --data "$set" --out chexpert --image-size 32 --write-metadata
holds "patients by folders such as patient00001, all for train"
holds "columns left out: Sex, Age, Frontal/Lateral, AP/PA"
holds "3 columns are labels: No Finding, Cardiomegaly, Edema"
holds "8 labels of images are uncertain (-1): ignored"
holds "24 labels of images are missing: ignored"
grep -q '"labels":\[null,null,1\]' chexpert/metadata.jsonl || fail "unknown labels are not null: $(head -n 3 chexpert/metadata.jsonl)"
run "$VITRAIN" info chexpert
holds 'validation images       6'
run "$VITRAIN" train --model vit-micro-patch16-224 --data chexpert --output-dir out --num-train-epochs 1
present out/eval_results.json
grep -q 'eval_loss": NaN\|eval_loss": null' out/eval_results.json && fail "the loss is no number: $(cat out/eval_results.json)"

run "$VITRAIN" prepare --data "$set" --out zero --image-size 32 --write-metadata --uncertain zero --missing zero
grep -q null zero/metadata.jsonl && fail "a label is unknown: $(grep -m 1 null zero/metadata.jsonl)"
holds "8 labels of images are uncertain (-1): taken as 0"
run "$VITRAIN" prepare --data "$set" --out one --image-size 32 --write-metadata --uncertain one --missing zero
grep -q '"labels":\[1,1,0\]' one/metadata.jsonl || fail "-1 is not 1: $(head -n 3 one/metadata.jsonl)"
run "$VITRAIN" prepare --data "$set" --out chosen --image-size 32 --label-columns Edema,Cardiomegaly --table train.csv
holds "2 columns are labels: Edema, Cardiomegaly"
expect_usage "no column 'Edemma'" "$VITRAIN" prepare --data "$set" --out refused --image-size 32 --label-columns Edemma
expect_usage "image_column: " "$VITRAIN" prepare --data "$set" --out refused --image-size 32 --table train.csv --image-column No
expect_usage "missing" "$VITRAIN" prepare --data "$set" --out refused --missing one

# PadChest: a list of labels as Python writes it; images in numbered folders, known by their bare names.
mkdir -p PadChest/0 PadChest/1
echo ',ImageID,ImageDir,PatientID,Projection,Labels' > PadChest/PADCHEST_chest_x_ray_images_labels_160K_01.02.19.csv
for i in "${!images[@]}"; do
    cp "${images[$i]}" "PadChest/$((i % 2))/216840_$i.png"
    labels=$([ $((i % 3)) = 0 ] && echo "['normal']" || echo "\"['cardiomegaly', ' pleural effusion']\"")
    [ "$i" = 5 ] && labels=
    echo "$i,216840_$i.png,$((i % 2)),$((i / 2)),PA,$labels"
done >> PadChest/PADCHEST_chest_x_ray_images_labels_160K_01.02.19.csv
run "$VITRAIN" prepare --data PadChest --out padchest --image-size 32 --validation-fraction 0.25
holds "3 labels: ['cardiomegaly', 'normal', 'pleural effusion']"
holds "patients by 'PatientID'"
grep -q '1 rows have no labels and are left out' out.txt err.txt || fail "the row without labels is not spoken of: $(cat out.txt err.txt)"
run "$VITRAIN" info padchest
holds multi_label_classification
echo "24,216840_0.png,0,1,PA,\"['normal'\"" >> PadChest/PADCHEST_chest_x_ray_images_labels_160K_01.02.19.csv
expect_error "160K_01.02.19.csv" "$VITRAIN" prepare --data PadChest --out refused --image-size 32

# ISIC: one column per class, of which every image has one; two rows of an image, and one that is of no class.
mkdir isic
echo 'image,MEL,NV,BCC' > isic/ISIC_2019_Training_GroundTruth.csv
for i in "${!images[@]}"; do
    cp "${images[$i]}" "isic/ISIC_$i.png"
    echo "ISIC_$i,$([ $((i % 2)) = 0 ] && [ "$i" != 0 ] && echo 1.0 || echo 0.0),$((i % 2)).0,0.0"
done >> isic/ISIC_2019_Training_GroundTruth.csv
echo 'ISIC_1,0.0,1.0,0.0' >> isic/ISIC_2019_Training_GroundTruth.csv
run "$VITRAIN" prepare --data isic --out isic-classes --image-size 32 --single-label
holds "1 images have more than one row"
grep -q '1 images have no class and are left out' out.txt err.txt || fail "the image of no class is not spoken of: $(cat out.txt err.txt)"
run "$VITRAIN" info isic-classes
holds single_label_classification
run "$VITRAIN" train --model vit-micro-patch16-224 --data isic-classes --output-dir out-classes --num-train-epochs 1
present out-classes/eval_results.json
expect_usage "is prepared already" "$VITRAIN" check isic-classes --single-label
expect_usage "any number of findings" "$VITRAIN" check raw --single-label
echo 'ISIC_1,1.0,0.0,0.0' >> isic/ISIC_2019_Training_GroundTruth.csv
run "$VITRAIN" prepare --data isic --out isic-labels --image-size 32
expect_error "'ISIC_1.png' (line 3 of its list) has the labels 'MEL' and 'NV'" "$VITRAIN" check isic --single-label
