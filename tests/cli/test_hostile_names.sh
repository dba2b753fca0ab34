# Names of files, folders and labels that hold control characters, quotes, line ends and bytes that are not UTF-8: nothing
# reaches the terminal as it is, rows stay rows, JSON stays JSON.
. "$(dirname "$0")/lib.sh"
make_data
train good --num-train-epochs 1 --save-strategy no
image=$(find raw -name '*.tar.gz' | sort | head -n 1)
tar -xzf "$image" && image=$(find images -name '*.png' | sort | head -n 1)
escape=$(printf '\033]0;title\007')

quiet() { # no control characters but line ends in the last run's output
    LC_ALL=C grep -q '[[:cntrl:]]' out.txt err.txt && fail "control characters in the output of: $* ($(cat -v out.txt err.txt))"
}

# Labels and file names of a data set.
for class in "first$escape" 'second, "quoted"'; do
    mkdir -p "classes/$class"
    for number in 1 2 3; do cp "$image" "classes/$class/$number$escape.png"; done
done
run "$VITRAIN" prepare --data classes --out odd --image-size 32
quiet prepare
for form in '' --json; do
    run "$VITRAIN" info odd $form
    quiet info
done
mkdir -p bytes/a bytes/b && cp "$image" "$(printf 'bytes/a/\376.png')" && cp "$image" bytes/b/1.png
expect_error 'the name is not UTF-8' "$VITRAIN" prepare --data bytes --out refused --image-size 32
[ -e refused ] && fail 'a refused data set was written'

# Rows of predictions: a line feed and quotes stay inside a quoted field; JSON is ASCII where names are not UTF-8.
mkdir names && cp "$image" "$(printf 'names/a "b",\n.png')" && cp "$image" "$(printf 'names/\376.png')" && cp "$image" names/é.png
run "$VITRAIN" predict --model good names
holds '"names/a ""b"",'
run "$VITRAIN" predict --model good names --format jsonl
holds '"names/a \"b\",\u000a.png"'
holds '"names/\udcfe.png"'
holds '"names/é.png"'
[ "$(wc -l < out.txt)" = 3 ] || fail "$(wc -l < out.txt) lines for three images"

# Sentences about arguments and files.
expect_error 'cannot open' "$VITRAIN" predict --model good "$escape" && quiet
expect_error 'preset' "$VITRAIN" predict --model "$escape" x.png && quiet
expect_usage 'unknown command' "$VITRAIN" "$escape" && quiet
expect_usage 'unknown option' "$VITRAIN" info "--$escape" && quiet
expect_usage 'seed' "$VITRAIN" sample --out x --seed "$escape" && quiet
expect_error 'split' "$VITRAIN" eval --model good --data data --split "$escape" && quiet
train "out$escape" --num-train-epochs 1 --save-strategy no
quiet train
expect_error 'not valid UTF-8' "$VITRAIN" train --model vit-micro-patch16-224 --data data --output-dir "$(printf 'out\376')"
[ -e "$(printf 'out\376')" ] && fail 'training began in a folder whose name no file can hold'
exit 0
