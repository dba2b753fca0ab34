# `vitrain info MODEL --plan`: the memory of training and inference, from config.json or a preset's name alone.
. "$(dirname "$0")/lib.sh"

# bytes NAME: a figure of the last run's JSON.
bytes() {
    sed -n "s/.*\"$1\": \([0-9]*\).*/\1/p" out.txt
}

run "$VITRAIN" info vit-base-patch16-224 --plan --precision bf16 --batch 32
for words in 'weights ' 'gradients ' 'moments ' 'compute weights' 'activations per layer' 'scratch' 'total' ' MB'; do
    holds "$words"
done

plan="$VITRAIN info vit-base-patch16-224 --plan --precision bf16 --batch 32 --json"
run $plan
whole=$(bytes total) sum=0
for part in weights gradients moments 'compute weights' activations 'activation gradients' 'pixels to loss' scratch; do
    sum=$((sum + $(bytes "$part")))
done
[ "$sum" = "$whole" ] || fail "the parts are $sum, the total $whole"
[ "$whole" -lt 4000000000 ] || fail "$whole is too much"
run $plan --gradient-checkpointing
[ "$(bytes total)" -lt 2500000000 ] || fail "$(bytes total) is too much with recomputation"
run $plan --infer
[ "$(bytes gradients)" = 0 ] || fail 'inference has gradients'

# A folder's weights are not asked for, and training takes what was planned.
make_data
train model --max-steps 1 --eval-strategy no --save-strategy no --precision fp32
planned=$(sed -n 's/.*Planned memory on the device = //p' out.txt err.txt | head -n 1)
[ -n "$planned" ] || fail "the run did not say its memory: $(cat out.txt err.txt)"
mkdir bare
cp model/config.json bare/
run "$VITRAIN" info bare --plan --batch 8 --precision fp32
megabytes=$(sed -n 's/^total .* \([0-9.]*\) MB$/\1/p' out.txt)
[ "${planned%.*}" = "${megabytes%.*}" ] || fail "planned $megabytes MB, but training says $planned"

expect_usage 'needs a model' "$VITRAIN" info --plan
expect_usage 'has none of' "$VITRAIN" info vit-base-patch16-224 --plan --infer --gradient-checkpointing
expect_usage 'an integer from' "$VITRAIN" info vit-base-patch16-224 --plan --batch 0
expect_usage 'the images have 2 channels' "$VITRAIN" info vit-base-patch16-224 --plan --channels 2
exit 0
