# The whole job: draw, prepare, train, evaluate, predict, describe; and that every file is where it should be.
. "$(dirname "$0")/lib.sh"

run "$VITRAIN" sample --out raw --images 60 --image-size 64 --seed 5
present raw/images_001.tar.gz raw/Data_Entry_2017_v2020.csv raw/train_val_list.txt raw/test_list.txt raw/README.txt
holds 'not radiographs'

run "$VITRAIN" prepare --data raw --out data --image-size 32 --split official --validation-fraction 0.2 --write-metadata
present data/dataset_dict.json data/train/dataset_info.json data/train/state.json data/metadata.jsonl
holds "'No Finding'"
holds 'no patient has images in more than one split'

run "$VITRAIN" train --model vit-micro-patch16-224 --data data --output-dir out --num_train_epochs=2 --learning-rate 1e-3 \
    --eval-strategy epoch --save-strategy epoch --logging-steps 2 --hidden-dropout-prob 0.1
holds 'Total optimization steps'
holds "{'loss': "
holds "'train_runtime': "
holds "'eval_roc_auc': "
present out/config.json out/model.safetensors out/preprocessor_config.json out/trainer_state.json out/train_results.json \
    out/eval_results.json out/all_results.json out/report.html
for name in loss learning_rate roc_curves label_auc predictions; do present "out/plots/$name.png" "out/plots/$name.svg"; done
ls out/runs/*/events.out.tfevents.* > /dev/null || fail 'no TensorBoard events'
grep -qE '(src|href)="(https?:|/)' out/report.html && fail 'the report refers to something outside'

run "$VITRAIN" eval --model out --data data --split test --output-dir measured
holds 'Thresholds of F1: from the'
holds '95 % CI'
present measured/eval_results.json measured/report.html measured/plots/roc_curves.png
run "$VITRAIN" eval --model out --data data --auc softmax --output-dir measured
holds "the walk-through's figure"

mkdir files && tar -xzf raw/images_001.tar.gz -C files
run "$VITRAIN" predict --model out files --output rows.csv
[ "$(wc -l < rows.csv)" = 61 ] || fail "rows.csv has $(wc -l < rows.csv) lines, not 61"
image=$(find files -name '*.png' | sort | head -n 1)
run "$VITRAIN" predict --model out --format jsonl "$image"
holds '"probabilities": {"'
named=$(sed 's/.*"probabilities"//' out.txt)
"$VITRAIN" predict --model out --format jsonl - < "$image" > piped.txt || fail 'predict from standard input'
[ "$(sed 's/.*"probabilities"//' piped.txt)" = "$named" ] || fail 'standard input and the file give different probabilities'

run "$VITRAIN" info out
holds 'parameters'
run "$VITRAIN" info data
holds 'train images'
run "$VITRAIN" info "$(ls -d out/checkpoint-* | tail -n 1)"
holds 'complete'
run "$VITRAIN" info machine
holds 'instruction set'
run "$VITRAIN" info vit-tiny-patch16-224 --json
holds '"hidden size": 192'
