# Evaluating by itself says what the run said at its end, and warns where it would mislead.
. "$(dirname "$0")/lib.sh"
make_data

# figures FILE: the figures without the timings.
figures() {
    grep -vE 'runtime|per_second' "$1"
}

# The same loss, weighed as in training, whether the run evaluates while training or only at its end; and it is told once.
train during --max-steps 4 --pos-weight auto --eval-strategy steps --eval-steps 2 --save-strategy no
[ "$(grep -c 'label  *positives' out.txt)" = 1 ] || fail 'not one table'
train after --max-steps 4 --pos-weight auto --save-strategy no
figures during/eval_results.json > during.txt
figures after/eval_results.json | cmp -s - during.txt || fail 'evaluating while training changes the figures'
run "$VITRAIN" eval --model during --data data --output-dir measured
holds 'positives weighed as in training'
figures measured/eval_results.json | cmp -s - during.txt || fail 'eval differs from the evaluation of the run'
run "$VITRAIN" eval --model during --data data --output-dir unweighted --pos-weight none
loss=$(grep '"eval_loss"' during/eval_results.json)
grep -qF "$loss" unweighted/eval_results.json && fail 'the weights make no difference'
[ "$(grep -v eval_loss during.txt)" = "$(figures unweighted/eval_results.json | grep -v eval_loss)" ] || fail 'more than the loss'

# Another split than the one trained on.
"$VITRAIN" eval --model during --data data --output-dir measured 2>&1 | grep -q 'another split' && fail 'the same split is another'
run "$VITRAIN" prepare --data raw --out other --image-size 32 --validation-fraction 0.2 --seed 7
run "$VITRAIN" eval --model during --data other --output-dir measured
grep -q '^vitrain: warning: the model was trained on another split' err.txt || fail "no warning: $(cat err.txt)"
run "$VITRAIN" eval --model during --data other --output-dir measured --split train
grep -q 'another split' err.txt && fail 'nobody expects new images in the train split'

# A run that has not ended.
train whole --max-steps 4 --save-steps 2
mkdir unfinished && cp -r whole/checkpoint-2 whole/checkpoint-4 unfinished
for command in "eval --data data" "predict raw" "info" "train --data data --output-dir next"; do
    # shellcheck disable=SC2086
    set -- $command
    name=$1
    shift
    model=(--model unfinished)
    [ "$name" = info ] && model=(unfinished)
    expect_error 'its newest checkpoint is a model too: unfinished/checkpoint-4' "$VITRAIN" "$name" "${model[@]}" "$@"
done
run "$VITRAIN" eval --model unfinished/checkpoint-4 --data data --output-dir measured
