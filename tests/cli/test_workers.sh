# The same seed gives the same bits, whatever the number of threads that load and that compute.
. "$(dirname "$0")/lib.sh"
make_data
train none --num-train-epochs 3 --hidden-dropout-prob 0.1
train some --num-train-epochs 3 --hidden-dropout-prob 0.1 --dataloader-num-workers 3 --logging-steps 2
same none/model.safetensors some/model.safetensors
OMP_NUM_THREADS=2 train two --num-train-epochs 3 --hidden-dropout-prob 0.1
same none/model.safetensors two/model.safetensors
train other --num-train-epochs 3 --hidden-dropout-prob 0.1 --seed 7
cmp -s none/model.safetensors other/model.safetensors && fail 'another seed gives the same weights'
grep -o "'eval_loss': [0-9.]*" out.txt > /dev/null || fail 'no evaluation at the end'
run "$VITRAIN" sample --out again --images 40 --image-size 64 --seed 3 --threads 1
for file in raw/*; do same "$file" "again/${file#raw/}"; done
