# Image formats beside PNG and JPEG, and more than 8 bits: prepared, trained on and predicted as the model remembers it.
. "$(dirname "$0")/lib.sh"
seeds=$VITRAIN_SOURCE/tests/fuzz/seeds

mkdir -p raw/lung raw/heart
cp "$seeds"/dicom/{window,implicit,nested,signed}.dcm raw/lung/
cp "$seeds"/image/grey_16_bit_dim.tif "$seeds"/image/grey_12_of_16_bit_dim.png raw/lung/
cp "$seeds"/dicom/{voi_table,jpeg,eight_bit_inverted}.dcm "$seeds"/image/{grey_lzw,planes}.tif raw/heart/
cp "$seeds"/dicom/own_range.dcm raw/heart/own_range.DICOM
run "$VITRAIN" prepare --data raw --out full --image-size 32 --validation-fraction 0.2
holds '12 images'
grep -q '2 images have more than 8 bits .*--intensity stretch' err.txt || fail "the dim images are not spoken of: $(cat err.txt)"
run "$VITRAIN" prepare --data raw --out data --image-size 32 --validation-fraction 0.2 --intensity stretch
grep -q 'nearly black' err.txt && fail "stretched images are called dim"

run "$VITRAIN" train --model vit-micro-patch16-224 --data data --output-dir out --num-train-epochs 1
grep -q '"vitrain_intensity": "stretch"' out/preprocessor_config.json || fail "the model does not know its images' intensity"
"$VITRAIN" eval --model out --data full --split train > out.txt 2> err.txt || fail "eval: $(cat err.txt)"
grep -q "intensity 'stretch', but the data set was prepared with 'full'" err.txt || fail "another intensity is not spoken of"

# With the model's intensity, not the default, the dim picture is as bright as the same at full depth.
run "$VITRAIN" predict --model out raw --output all.csv
[ "$(wc -l < all.csv)" = 13 ] || fail "not 12 predictions: $(cat all.csv)"
run "$VITRAIN" predict --model out raw/lung/grey_12_of_16_bit_dim.png
stretched=$(tail -n 1 out.txt)
sed -i 's/"stretch"/"full"/' out/preprocessor_config.json
run "$VITRAIN" predict --model out raw/lung/grey_12_of_16_bit_dim.png
[ "$(tail -n 1 out.txt)" != "$stretched" ] || fail "the intensity makes no difference"

printf 'no image' > bad.dcm
expect_error 'bad.dcm: its first bytes are those of no PNG, JPEG, TIFF or DICOM file' "$VITRAIN" predict --model out bad.dcm
sed -i 's/"full"/"loud"/' out/preprocessor_config.json
expect_error "expected 'full' or 'stretch'" "$VITRAIN" predict --model out bad.dcm
run "$VITRAIN" info
holds 'PNG, JPEG, TIFF, DICOM'
