# The same seed gives the same bits, whatever the number of threads that load and that compute.
. "$(dirname "$0")/lib.sh"
make_data
train none --num-train-epochs 3 --hidden-dropout-prob 0.1
train some --num-train-epochs 3 --hidden-dropout-prob 0.1 --dataloader-num-workers 3 --logging-steps 2
same none/model.safetensors some/model.safetensors
OMP_NUM_THREADS=2 train two --num-train-epochs 3 --hidden-dropout-prob 0.1
same none/model.safetensors two/model.safetensors
train chosen --num-train-epochs 3 --hidden-dropout-prob 0.1 --dataloader-num-workers 0
same none/model.safetensors chosen/model.safetensors
# Neither do rows in many files, nor does anything when images are drawn by label frequency, augmented and mixed.
run "$VITRAIN" prepare --data raw --out cut --image-size 32 --store-size 40 --validation-fraction 0.2 --shard-size 10KB
run "$VITRAIN" info cut
grep -qE '^train shards +[2-9]' out.txt || fail "not in shards: $(cat out.txt)"
grep -qE '^stored as +40 x 40' out.txt || fail "not stored larger: $(cat out.txt)"
for workers in 0 3; do
    run "$VITRAIN" train --model vit-micro-patch16-224 --data cut --output-dir "drawn$workers" --max-steps 6 --sampler balanced \
        --augment 'crop=0.5-1 flip=0.5 mixup=0.2' --dataloader-num-workers "$workers"
done
same drawn0/model.safetensors drawn3/model.safetensors
expect_usage 'written with sampler balanced, but this run has random' "$VITRAIN" train --model vit-micro-patch16-224 --data cut \
    --output-dir drawn0 --max-steps 6 --augment 'crop=0.5-1 flip=0.5 mixup=0.2' --resume-from-checkpoint
train other --num-train-epochs 3 --hidden-dropout-prob 0.1 --seed 7
cmp -s none/model.safetensors other/model.safetensors && fail 'another seed gives the same weights'
grep -o "'eval_loss': [0-9.]*" out.txt > /dev/null || fail 'no evaluation at the end'
run "$VITRAIN" sample --out again --images 40 --image-size 64 --seed 3 --threads 1
for file in raw/*; do same "$file" "again/${file#raw/}"; done
