# Broken models: safetensors with impossible headers, JSON too deep, checkpoints of other data; one sentence, exit code 1.
. "$(dirname "$0")/lib.sh"
make_data
train good --num-train-epochs 1 --save-strategy no
weights=model.safetensors

u64() { # eight bytes, little-endian
    local value=$1 byte
    for byte in 1 2 3 4 5 6 7 8; do
        printf "\\x$(printf %02x $((value & 255)))"
        value=$((value >> 8))
    done
}
header() { # header JSON [BYTES]: a safetensors file with that header and BYTES zero bytes
    u64 ${#1} && printf '%s' "$1" && head -c "${2:-0}" /dev/zero
}
fresh() { rm -rf case && mkdir case && cp good/config.json good/preprocessor_config.json good/$weights case/; }
refused() {
    expect_error "$1" "$VITRAIN" eval --model case --data data --output-dir measured
    expect_error "$1" "$VITRAIN" train --model case --data data --output-dir out
}

# Weights.
for cut in 0 4 8 100 5000 100000; do
    fresh && head -c "$cut" good/$weights > case/$weights
    refused $weights
done
fresh && { u64 9223372036854775807 && head -c 100 /dev/zero; } > case/$weights
refused $weights
fresh && header '{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}' 4 > case/$weights
refused $weights
fresh && header '{"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}' 8 > case/$weights
refused $weights
fresh && header '{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}' 12 > case/$weights
refused $weights
fresh && header '{"a":{"dtype":"F32","shape":[9223372036854775807,4],"data_offsets":[0,16]}}' 16 > case/$weights
refused $weights
fresh && header '{"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,0]}}' 0 > case/$weights
refused $weights
fresh && header '{"a":{"dtype":"F99","shape":[1],"data_offsets":[0,4]}}' 4 > case/$weights
refused $weights
fresh && header '{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}' 4 > case/$weights
refused 'missing'
fresh && rm case/$weights
refused $weights

# JSON nested a million deep, cut, of the wrong kind.
head -c 1000000 /dev/zero | tr '\0' '[' > deep.json
for file in config.json preprocessor_config.json; do
    fresh && cp deep.json case/$file
    refused $file
    fresh && head -c 40 good/$file > case/$file
    refused $file
done
{ u64 1000000 && cat deep.json; } > case/$weights && cp good/config.json good/preprocessor_config.json case/
refused $weights
fresh && sed 's/"hidden_size": [0-9]*/"hidden_size": 1000000000/' good/config.json > case/config.json
refused config.json
fresh && sed 's/"hidden_size": [0-9]*/"hidden_size": "many"/' good/config.json > case/config.json
refused 'hidden_size'
fresh && sed 's/"num_attention_heads": [0-9]*/"num_attention_heads": 3/' good/config.json > case/config.json
refused 'num_attention_heads'

# A model of other labels, of another image size, of no labels at all.
run "$VITRAIN" prepare --data raw --out other --image-size 32 --labels '-No Finding' --validation-fraction 0.2
expect_error 'labels' "$VITRAIN" eval --model good --data other
run "$VITRAIN" prepare --data raw --out larger --image-size 48 --validation-fraction 0.2
expect_error '48' "$VITRAIN" eval --model good --data larger
expect_error "has no 'testing' split" "$VITRAIN" eval --model good --data data --split testing
expect_error 'nowhere' "$VITRAIN" predict --model good nowhere.png
printf 'text' > text.png
expect_error 'text.png' "$VITRAIN" predict --model good text.png --output rows.csv
[ -e rows.csv ] && fail 'rows.csv was left behind'
expect_error 'nowhere' "$VITRAIN" eval --model nowhere --data data
exit 0
