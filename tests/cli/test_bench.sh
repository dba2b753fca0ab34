# `vitrain bench`: a readable report, and one JSON object with the figures that other programs ask for.
. "$(dirname "$0")/lib.sh"

bench="$VITRAIN bench --model vit-micro-patch16-224 --batch 2 --steps 2"
run $bench --precision fp32 --gradient-checkpointing
for words in 'images per second' "of the machine's peak" 'to the first step' 'linear_backward_weight' 'with recomputation'; do
    holds "$words"
done
run $bench --mode infer --json
for key in images_per_second images_per_second_spread peak_gflops achieved_gflops share_of_peak startup_seconds \
    peak_memory_bytes operators; do
    holds "\"$key\": "
done
holds linear_forward
grep -q backward out.txt && fail "inference has a backward: $(cat out.txt)"
[ "$(wc -l < out.txt)" = 1 ] || fail 'the JSON is not one line'

expect_usage 'an integer from' $bench --batch 0
expect_usage 'has none of' $bench --mode infer --gradient-checkpointing
expect_error 'neither a model folder nor a preset' "$VITRAIN" bench --model nowhere
exit 0
