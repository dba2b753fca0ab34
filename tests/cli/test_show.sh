#!/bin/bash
# vitrain show: a PNG that is the same every time, another one for another seed, and sentences for what can't be shown.
. "$(dirname "$0")/lib.sh"

make_data
run "$VITRAIN" show data --out plain.png
holds "Wrote plain.png"
present plain.png
[ "$(head -c 8 plain.png | od -An -tx1 | tr -d ' \n')" = 89504e470d0a1a0a ] || fail "plain.png is no PNG"

words="crop=0.35-1.0 flip=0.5, rotate=10 shift=0.05 brightness=0.2 contrast=0.2 gamma=0.2 erase=0.25 rand-m6-mstd0.5-inc1 mixup=0.2"
run "$VITRAIN" show data --augment "$words" --count 3 --epochs 2 --split validation --seed 7 --out one.png
run "$VITRAIN" show data --augment "$words" --count 3 --epochs 2 --split validation --seed 7 --out two.png
run "$VITRAIN" show data --augment "$words" --count 3 --epochs 2 --split validation --seed 8 --out three.png
same one.png two.png
cmp -s one.png three.png && fail "another seed, the same picture"

# What is shown is what is trained on: the words are those of train, which keeps them.
run "$VITRAIN" train --model vit-micro-patch16-224 --data data --output-dir run --max-steps 1 --augment "$words" --save-strategy no
grep -qF '"augment": "crop=0.35-1.0 flip=0.5, ' run/training_args.json || fail "training_args.json keeps no augmentation"

expect_usage "the nearest is 'flip'" "$VITRAIN" show data --augment "flop=1" --out bad.png
expect_usage "the nearest is 'flip'" "$VITRAIN" train --model vit-micro-patch16-224 --data data --output-dir bad --augment "flop=1"
expect_usage "no split 'holdout'" "$VITRAIN" show data --split holdout --out bad.png
expect_usage "data set is missing" "$VITRAIN" show --out bad.png
expect_usage "--out" "$VITRAIN" show data
expect_error "nowhere" "$VITRAIN" show nowhere --out bad.png
expect_error "no-folder" "$VITRAIN" show data --out no-folder/bad.png
[ ! -e bad.png ] || fail "bad.png was written"
exit 0
