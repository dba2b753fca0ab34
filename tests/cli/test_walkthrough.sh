# The walk-through, in small: every chapter in its order, and what it leaves behind.
. "$(dirname "$0")/lib.sh"
walkthrough=${VITRAIN_BUILD:?the build folder}/walkthrough
[ -x "$walkthrough" ] || fail "$walkthrough is not built"
run "$VITRAIN" sample --out raw --images 80 --image-size 64 --seed 2
run "$walkthrough" --dataset-dir raw --output-dir out --model vit-micro-patch16-224 --image-size 32 \
    --per-device-train-batch-size 8 --gradient-accumulation-steps 2 --num-train-epochs 1
chapters=$(sed -n 's/^=== \(.*\) ===$/\1/p' out.txt | tr '\n' ';')
[ "$chapters" = 'Preparing the labels;The first ten rows;The data set;A look at the images;The model;Training;The curves;Evaluation;' ] ||
    fail "chapters: $chapters"
[ "$(grep -c '^{"file_name"' out.txt)" = 10 ] || fail 'not ten rows'
holds 'ROC-AUC by sigmoid'
present out/model.safetensors out/report.html out/data/metadata.jsonl
for name in examples predictions loss learning_rate roc_curves label_auc; do present "out/plots/$name.png" "out/plots/$name.svg"; done

"$walkthrough" > out.txt 2> err.txt && fail 'it runs without a data set'
grep -q -e '--dataset-dir DIR is missing' err.txt || fail "$(cat err.txt)"
"$walkthrough" --dataset-dir nowhere --output-dir out2 > out.txt 2> err.txt && fail 'it runs on nothing'
grep -q '^walkthrough: error: nowhere' err.txt || fail "$(cat err.txt)"
