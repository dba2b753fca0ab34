/* Models opened and saved: names matched as Hugging Face's loader does, and what is said of them. */
#include "checkpoints.h"

#include "base/half.h"
#include "model/config.h"
#include "model/presets.h"
#include <math.h>

/* --- what matches --- */

static void test_opens_a_classification_checkpoint(void **state) {
    (void)state;
    vt_model *model = open_model(golden_path("vit-base"));
    const vt_vit_config *config = vt_model_get_config(model);
    assert_int_equal(config->hidden_size, 36);
    assert_int_equal(config->num_labels, 5);
    assert_string_equal(config->label_names[4], "Nodule");
    assert_int_equal(vt_model_get_preprocessor(model)->height, 32);
    assert_int_equal(vt_model_parameter_count(model), 28213);
    assert_heard("40 of 40 tensors matched, 0 missing, 0 unexpected, 0 newly initialised");
    vt_model_close(model);
}

static void test_query_key_and_value_are_one_matrix(void **state) {
    (void)state;
    vt_model *model = open_model(golden_path("vit-base"));
    vt_layer_offsets offsets;
    vt_model_layer_offsets(model, 1, &offsets);
    int query = vt_model_find(model, "vit.encoder.layer.1.attention.attention.query.weight");
    int value_bias = vt_model_find(model, "vit.encoder.layer.1.attention.attention.value.bias");
    assert_int_equal(vt_model_find(model, "vit.encoder.layer.2.attention.attention.query.weight"), -1);
    assert_int_equal(model->parameters[query].offset, offsets.qkv_weight);
    assert_int_equal(model->parameters[query + 1].offset, offsets.qkv_weight + 36 * 36);
    assert_int_equal(model->parameters[query + 2].offset, offsets.qkv_weight + 2 * 36 * 36);
    assert_int_equal(model->parameters[value_bias].offset, offsets.qkv_bias + 2 * 36);
    assert_int_equal(offsets.qkv_bias % 16, 0);
    assert_int_equal(model->parameters[query].decay, 1);
    assert_int_equal(model->parameters[value_bias].decay, 0);
    vt_model_close(model);
}

static void test_bare_checkpoint_gets_a_new_head(void **state) {
    (void)state;
    vt_model *model = open_model(golden_path("vit-bare"));
    int head = vt_model_find(model, "classifier.weight"), head_bias = vt_model_find(model, "classifier.bias");
    const vt_parameter *weight = &model->parameters[head];
    assert_heard("19 of 21 tensors matched, 2 missing, 2 unexpected, 2 newly initialised");
    assert_heard("Unexpected, not used: [pooler.dense.bias, pooler.dense.weight]");
    assert_heard("warning: Newly initialised: [classifier.weight, classifier.bias] (missing in the checkpoint)");
    assert_true(model->values[weight->offset] != 0);
    assert_true(model->values[model->parameters[head_bias].offset] == 0);
    assert_int_equal(vt_model_find(model, "vit.encoder.layer.0.attention.attention.query.bias"), -1);
    vt_model_close(model);
}

/* The spelling of transformers 5 in memory, as torch.save(model.state_dict()) and the like would store it. */
static size_t spell_anew(vt_tensor *tensors, size_t count) {
    static const char *const spellings[][2] = {{"attention.attention.query.", "attention.q_proj."},
                                               {"attention.attention.key.", "attention.k_proj."},
                                               {"attention.attention.value.", "attention.v_proj."},
                                               {"attention.output.dense.", "attention.o_proj."},
                                               {"intermediate.dense.", "mlp.fc1."},
                                               {"output.dense.", "mlp.fc2."},
                                               {"layernorm_before.", "layernorm_before."},
                                               {"layernorm_after.", "layernorm_after."}};
    static char names[64][128];
    for (size_t i = 0; i < count; i++) {
        int layer, length;
        if (sscanf(tensors[i].name, "vit.encoder.layer.%d.%n", &layer, &length) != 1) continue;
        for (size_t k = 0; k < sizeof spellings / sizeof *spellings; k++) {
            size_t part = strlen(spellings[k][0]);
            if (strncmp(tensors[i].name + length, spellings[k][0], part) != 0) continue;
            snprintf(names[i], sizeof names[i], "vit.layers.%d.%s%s", layer, spellings[k][1],
                     tensors[i].name + length + (int)part);
            tensors[i].name = names[i];
            break;
        }
    }
    return count;
}

static void test_newer_names_mean_the_same(void **state) {
    (void)state;
    vt_model *old = open_model(golden_path("vit-base"));
    vt_model *new = open_model(derive_checkpoint("vit-base", "spelled-anew", spell_anew));
    assert_heard("40 of 40 tensors matched");
    assert_true(same_values(old, new));
    vt_model_close(old);
    vt_model_close(new);
}

static size_t duplicate_in_new_spelling(vt_tensor *tensors, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (strcmp(tensors[i].name, "vit.encoder.layer.0.output.dense.bias") != 0) continue;
        tensors[count] = tensors[i];
        tensors[count].name = "layers.0.mlp.fc2.bias";
    }
    return count + 1;
}

static void test_two_tensors_for_one_parameter(void **state) {
    (void)state;
    const char *folder = derive_checkpoint("vit-base", "twice", duplicate_in_new_spelling);
    vt_model_options options = default_options();
    vt_model *model;
    ASSERT_FAILS(VT_ERROR_INPUT, "both stand for the parameter 'vit.encoder.layer.0.output.dense.bias'",
                 open_with(folder, &options, &model));
}

/* --- element types and shards --- */

static uint16_t narrow[40000];

static size_t to_bf16(vt_tensor *tensors, size_t count) {
    uint16_t *next = narrow;
    for (size_t i = 0; i < count; i++) {
        const uint8_t *bytes = tensors[i].data;
        for (int64_t k = 0; k < tensors[i].count; k++) {
            float value;
            memcpy(&value, bytes + 4 * k, sizeof value);
            next[k] = vt_float_to_bf16(value);
        }
        tensors[i].data = next;
        tensors[i].dtype = VT_DTYPE_BF16;
        next += tensors[i].count;
    }
    return count;
}

/* Arbitrary finite float16 values: what matters is that they come out as they went in. */
static size_t to_f16(vt_tensor *tensors, size_t count) {
    uint16_t *next = narrow;
    for (size_t i = 0; i < count; i++) {
        for (int64_t k = 0; k < tensors[i].count; k++) next[k] = (uint16_t)((k * 2654435761u + i) % 0x7c00);
        tensors[i].data = next;
        tensors[i].dtype = VT_DTYPE_F16;
        next += tensors[i].count;
    }
    return count;
}

static void test_opens_bf16_and_f16(void **state) {
    (void)state;
    vt_model *full = open_model(golden_path("vit-base"));
    vt_model *bf16 = open_model(derive_checkpoint("vit-base", "bf16", to_bf16));
    for (int64_t i = 0; i < full->value_count; i++)
        assert_true(bf16->values[i] == vt_bf16_to_float(vt_float_to_bf16(full->values[i])));
    vt_model *f16 = open_model(derive_checkpoint("vit-base", "f16", to_f16));
    const vt_parameter *last = &f16->parameters[vt_model_find(f16, "classifier.weight")];
    for (int64_t k = 0; k < last->count; k++)
        assert_true(f16->values[last->offset + k] == vt_f16_to_float((uint16_t)((k * 2654435761u + 1) % 0x7c00)));
    vt_model_close(full);
    vt_model_close(bf16);
    vt_model_close(f16);
}

static size_t first_as_i64(vt_tensor *tensors, size_t count) {
    static int64_t zeros[8];
    for (size_t i = 0; i < count; i++) {
        if (strcmp(tensors[i].name, "classifier.bias") != 0) continue;
        tensors[i].dtype = VT_DTYPE_I64;
        tensors[i].data = zeros;
    }
    return count;
}

static void test_whole_numbers_are_no_weights(void **state) {
    (void)state;
    vt_model_options options = default_options();
    vt_model *model;
    ASSERT_FAILS(VT_ERROR_INPUT, "classifier.bias",
                 open_with(derive_checkpoint("vit-base", "i64", first_as_i64), &options, &model));
}

static size_t first_shard(vt_tensor *tensors, size_t count) {
    (void)tensors;
    return count / 2;
}

static size_t second_shard(vt_tensor *tensors, size_t count) {
    memmove(tensors, tensors + count / 2, (count - count / 2) * sizeof *tensors);
    return count - count / 2;
}

static void test_opens_shards(void **state) {
    (void)state;
    const char *one = derive_checkpoint("vit-base", "shard-1", first_shard);
    derive_checkpoint("vit-base", "shard-2", second_shard);
    char *target;
    vt_text index = {0};
    vt_safetensors *file;
    ASSERT_OK(vt_join(one, "model-00002-of-00002.safetensors", &target));
    ASSERT_OK(vt_safetensors_open_model(golden_path("vit-base"), &file));
    ASSERT_OK(vt_text_add(&index, "{\"metadata\": {\"total_size\": 115892}, \"weight_map\": {"));
    size_t count = vt_safetensors_count(file);
    for (size_t i = 0; i < count; i++)
        ASSERT_OK(vt_text_add(&index, "%s\"%s\": \"model-0000%d-of-00002.safetensors\"", i ? ", " : "",
                              vt_safetensors_get(file, i)->name, i < count / 2 ? 1 : 2));
    ASSERT_OK(vt_text_add(&index, "}}"));
    vt_safetensors_close(file);
    write_test_file(test_path("shard-1/model.safetensors.index.json"), index.data, index.length);
    vt_text_free(&index);
    assert_int_equal(rename(test_path("shard-1/model.safetensors"), test_path("shard-1/model-00001-of-00002.safetensors")), 0);
    assert_int_equal(rename(test_path("shard-2/model.safetensors"), target), 0);
    free(target);
    vt_model *whole = open_model(golden_path("vit-base")), *sharded = open_model(one);
    assert_true(same_values(whole, sharded));
    vt_model_close(whole);
    vt_model_close(sharded);
}

/* --- what does not match --- */

static size_t drop_a_norm(vt_tensor *tensors, size_t count) {
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (strcmp(tensors[i].name, "vit.encoder.layer.1.layernorm_after.bias") != 0) tensors[kept++] = tensors[i];
    }
    return kept;
}

static size_t flatten_patches(vt_tensor *tensors, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (strcmp(tensors[i].name, "vit.embeddings.patch_embeddings.projection.weight") != 0) continue;
        tensors[i].rank = 2;
        tensors[i].shape[1] = 192;
    }
    return count;
}

static void test_body_must_be_whole(void **state) {
    (void)state;
    vt_model_options options = default_options();
    vt_model *model;
    ASSERT_FAILS(VT_ERROR_INPUT, "'vit.encoder.layer.1.layernorm_after.bias' is missing",
                 open_with(derive_checkpoint("vit-base", "dropped", drop_a_norm), &options, &model));
    ASSERT_FAILS(VT_ERROR_INPUT,
                 "vit.embeddings.patch_embeddings.projection.weight is [36, 192] in the checkpoint, [36, 3, 8, 8] in the model",
                 open_with(derive_checkpoint("vit-base", "flattened", flatten_patches), &options, &model));
}

/* A configuration that promises far more than the file holds must not be believed before the file is looked at. */
static void test_lying_configuration_allocates_nothing(void **state) {
    (void)state;
    const char *folder = derive_checkpoint("vit-base", "lying", NULL);
    const char *text = "{\"hidden_size\": 16384, \"num_hidden_layers\": 256, \"num_attention_heads\": 1, "
                       "\"intermediate_size\": 65536, \"num_labels\": 65536}";
    write_test_file(test_path("lying/config.json"), text, strlen(text));
    vt_model_options options = default_options();
    vt_model *model;
    ASSERT_FAILS(VT_ERROR_INPUT, "vit.embeddings.cls_token is [1, 1, 36] in the checkpoint, [1, 1, 16384] in the model",
                 open_with(folder, &options, &model));
}

static void test_unknown_model(void **state) {
    (void)state;
    vt_model_options options = default_options();
    vt_model *model;
    ASSERT_FAILS(VT_ERROR_IO, "no-such-model: is neither a model folder nor a preset; presets are vit-micro-patch16-224",
                 open_with("no-such-model", &options, &model));
    ASSERT_FAILS(VT_ERROR_IO, "config.json", open_with(test_folder(), &options, &model));
}

/* --- heads --- */

static const char *const three[] = {"a", "b", "c"};
static const char *const five[] = {"Atelectasis", "Cardiomegaly", "Effusion", "Hernia", "Mass"};

static void test_head_of_another_size_is_replaced(void **state) {
    (void)state;
    vt_model_options options = default_options();
    options.num_labels = 3;
    options.label_names = three;
    options.problem_type = VT_PROBLEM_SINGLE_LABEL;
    vt_model *model;
    ASSERT_OK(open_with(golden_path("vit-base"), &options, &model));
    assert_int_equal(vt_model_get_config(model)->num_labels, 3);
    assert_string_equal(vt_model_get_config(model)->label_names[2], "c");
    assert_int_equal(vt_model_get_config(model)->problem_type, VT_PROBLEM_SINGLE_LABEL);
    assert_heard("38 of 40 tensors matched, 0 missing, 0 unexpected, 2 newly initialised");
    assert_heard("warning: Newly initialised: [classifier.weight, classifier.bias] (it has 5 labels, the data 3)");
    assert_heard("trained as multi_label_classification before, now used as single_label_classification");
    vt_model_close(model);
    options.require_head = 1;
    ASSERT_FAILS(VT_ERROR_INPUT, "the classifier can't be used: it has 5 labels, the data 3",
                 open_with(golden_path("vit-base"), &options, &model));
}

static void test_head_for_other_labels_is_replaced(void **state) {
    (void)state;
    vt_model_options options = default_options();
    options.num_labels = 5;
    options.label_names = five;
    vt_model *model;
    ASSERT_OK(open_with(golden_path("vit-base"), &options, &model));
    assert_heard("(its label 4 is 'Nodule', the data's is 'Mass')");
    assert_string_equal(vt_model_get_config(model)->label_names[4], "Mass");
    vt_model_close(model);
    vt_model *original = open_model(golden_path("vit-base"));
    options.label_names = NULL; /* as many as the model has: they keep its names */
    ASSERT_OK(open_with(golden_path("vit-base"), &options, &model));
    assert_string_equal(vt_model_get_config(model)->label_names[4], "Nodule");
    vt_model_close(model);
    options.label_names = (const char *const *)original->config.label_names;
    ASSERT_OK(open_with(golden_path("vit-base"), &options, &model));
    assert_not_heard("warning");
    assert_true(same_values(model, original));
    vt_model_close(model);
    vt_model_close(original);
}

static void test_unnamed_labels_take_the_names_of_the_data(void **state) {
    (void)state;
    const char *folder = derive_checkpoint("vit-base", "unnamed", NULL);
    const char *text = "{\"hidden_size\": 36, \"num_hidden_layers\": 2, \"num_attention_heads\": 3, \"image_size\": 32, "
                       "\"intermediate_size\": 64, \"patch_size\": 8, \"num_labels\": 5}";
    write_test_file(test_path("unnamed/config.json"), text, strlen(text));
    vt_model_options options = default_options();
    options.num_labels = 5;
    options.label_names = five;
    options.require_head = 1;
    vt_model *model;
    ASSERT_OK(open_with(folder, &options, &model));
    assert_string_equal(vt_model_get_config(model)->label_names[4], "Mass");
    vt_model_close(model);
}

static void test_head_is_required(void **state) {
    (void)state;
    vt_model_options options = default_options();
    options.require_head = 1;
    vt_model *model;
    ASSERT_FAILS(VT_ERROR_INPUT, "has no classifier", open_with(golden_path("vit-bare"), &options, &model));
    ASSERT_FAILS(VT_ERROR_USAGE, "preset", open_with("vit-micro-patch16-224", &options, &model));
    ASSERT_OK(open_with(golden_path("vit-base"), &options, &model));
    vt_model_close(model);
}

static void test_configuration_with_another_number_of_labels(void **state) {
    (void)state;
    const char *folder = derive_checkpoint("vit-base", "relabelled", NULL);
    const char *text = "{\"hidden_size\": 36, \"num_hidden_layers\": 2, \"num_attention_heads\": 3, \"image_size\": 32, "
                       "\"intermediate_size\": 64, \"patch_size\": 8}";
    write_test_file(test_path("relabelled/config.json"), text, strlen(text));
    vt_model_options options = default_options();
    vt_model *model;
    ASSERT_OK(open_with(folder, &options, &model));
    assert_heard("classifier.weight is [5, 36] in the checkpoint, [2, 36] in the model");
    vt_model_close(model);
    options.require_head = 1;
    ASSERT_FAILS(VT_ERROR_INPUT, "[5, 36] in the checkpoint", open_with(folder, &options, &model));
}

/* --- image size --- */

static void test_preprocessor_follows_the_model(void **state) {
    (void)state;
    const char *folder = derive_checkpoint("vit-base", "resized", NULL);
    const char *text = "{\"size\": 24, \"image_mean\": [0.5, 0.5, 0.5], \"image_std\": [0.5, 0.5, 0.5]}";
    write_test_file(test_path("resized/preprocessor_config.json"), text, strlen(text));
    vt_model *model = open_model(folder);
    assert_heard("preprocessor_config.json says 24 x 24, config.json 32 x 32; the latter counts");
    assert_int_equal(vt_model_get_preprocessor(model)->height, 32);
    vt_model_close(model);
}

static void test_image_size_of_the_caller(void **state) {
    (void)state;
    vt_model_options options = default_options();
    options.image_height = 40;
    options.image_width = 24;
    vt_model *model;
    ASSERT_OK(open_with(golden_path("vit-base"), &options, &model));
    assert_heard("Position embeddings interpolated (bicubic) from 4 x 4 to 5 x 3 patches");
    assert_int_equal(model->parameters[1].shape[1], 16);
    assert_int_equal(vt_model_get_preprocessor(model)->width, 24);
    vt_model_close(model);
    options.image_width = 25;
    ASSERT_FAILS(VT_ERROR_INPUT, "40 x 25 (height x width) is not a multiple of 'patch_size' 8; 40 x 24 would be",
                 open_with(golden_path("vit-base"), &options, &model));
}

/* --- presets --- */

static void test_every_preset_can_be_built(void **state) {
    (void)state;
    vt_vit_config config;
    for (const char *const *name = vt_preset_names(); *name; name++) {
        assert_true(vt_preset_find(*name, &config));
        ASSERT_OK(vt_config_check(&config, *name));
        assert_int_equal(config.intermediate_size, 4 * config.hidden_size);
    }
    assert_false(vt_preset_find("vit-base-patch16-22", &config));
    assert_true(vt_preset_find("vit-base-patch32-384", &config));
    assert_int_equal(config.hidden_size, 768);
    assert_int_equal(config.patch_size, 32);
    assert_int_equal(config.image_height, 384);
}

static void test_random_weights(void **state) {
    (void)state;
    vt_model_options options = default_options();
    options.image_height = options.image_width = 64;
    vt_model *model, *same, *other;
    ASSERT_OK(open_with("vit-micro-patch16-224", &options, &model));
    ASSERT_OK(open_with("vit-micro-patch16-224", &options, &same));
    options.seed = 43;
    ASSERT_OK(open_with("vit-micro-patch16-224", &options, &other));
    assert_true(same_values(model, same));
    assert_false(same_values(model, other));
    assert_int_equal(model->parameters[1].shape[1], 17);
    for (int i = 0; i < model->parameter_count; i++) {
        const vt_parameter *parameter = &model->parameters[i];
        const float *values = model->values + parameter->offset;
        double sum = 0, squares = 0;
        for (int64_t k = 0; k < parameter->count; k++) {
            sum += values[k];
            squares += (double)values[k] * values[k];
        }
        double mean = sum / (double)parameter->count, root = sqrt(squares / (double)parameter->count);
        if (parameter->rank > 1) {
            assert_true(fabs(mean) < 0.1 * 0.02 * sqrt(10000.0 / (double)parameter->count));
            assert_true(fabs(root / 0.02 - 1) < 5 / sqrt((double)parameter->count));
        } else {
            int is_norm_weight = strstr(parameter->name, "layernorm") && strstr(parameter->name, "weight");
            assert_true(mean == is_norm_weight && root == is_norm_weight);
        }
    }
    vt_model_close(model);
    vt_model_close(same);
    vt_model_close(other);
}

/* --- saving --- */

static void test_saved_model_opens_the_same(void **state) {
    (void)state;
    const char *goldens[] = {"vit-base", "vit-bare", "vit-grey"};
    for (size_t i = 0; i < sizeof goldens / sizeof *goldens; i++) {
        vt_model *model = open_model(golden_path(goldens[i]));
        ASSERT_OK(vt_model_save(model, test_path("saved/deep")));
        vt_model *again = open_model(test_path("saved/deep"));
        assert_not_heard("warning");
        assert_heard("0 missing, 0 unexpected, 0 newly initialised");
        assert_true(same_values(model, again));
        assert_memory_equal(model->preprocessor.image_mean, again->preprocessor.image_mean, 3 * sizeof(float));
        assert_memory_equal(model->preprocessor.image_std, again->preprocessor.image_std, 3 * sizeof(float));
        assert_true(model->preprocessor.rescale_factor == again->preprocessor.rescale_factor);
        assert_int_equal(again->config.problem_type, VT_PROBLEM_MULTI_LABEL);
        vt_model_close(model);
        vt_model_close(again);
    }
}

static void test_restores_only_its_own(void **state) {
    (void)state;
    vt_model *model = open_model(golden_path("vit-base"));
    vt_model *target = open_model(golden_path("vit-base"));
    for (int64_t i = 0; i < target->value_count; i++) target->values[i] = 0;
    ASSERT_OK(vt_model_save(model, test_path("restored")));
    ASSERT_OK(vt_model_restore(target, test_path("restored")));
    assert_true(same_values(model, target));
    ASSERT_FAILS(VT_ERROR_INPUT, "holds 21 tensors, expected the model's 40",
                 vt_model_restore(target, golden_path("vit-bare")));
    ASSERT_FAILS(VT_ERROR_INPUT, "is BF16, expected F32",
                 vt_model_restore(target, derive_checkpoint("vit-base", "bf16-again", to_bf16)));
    ASSERT_FAILS(VT_ERROR_INPUT, "is [36, 192] in the checkpoint",
                 vt_model_restore(target, derive_checkpoint("vit-base", "flattened-again", flatten_patches)));
    ASSERT_FAILS(VT_ERROR_INPUT, "' is missing",
                 vt_model_restore(target, derive_checkpoint("vit-base", "spelled-again", spell_anew)));
    assert_true(same_values(model, target));
    vt_model_close(model);
    vt_model_close(target);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_opens_a_classification_checkpoint),
        cmocka_unit_test(test_query_key_and_value_are_one_matrix),
        cmocka_unit_test(test_bare_checkpoint_gets_a_new_head),
        cmocka_unit_test(test_newer_names_mean_the_same),
        cmocka_unit_test(test_two_tensors_for_one_parameter),
        cmocka_unit_test(test_opens_bf16_and_f16),
        cmocka_unit_test(test_whole_numbers_are_no_weights),
        cmocka_unit_test(test_opens_shards),
        cmocka_unit_test(test_body_must_be_whole),
        cmocka_unit_test(test_lying_configuration_allocates_nothing),
        cmocka_unit_test(test_unknown_model),
        cmocka_unit_test(test_head_of_another_size_is_replaced),
        cmocka_unit_test(test_head_for_other_labels_is_replaced),
        cmocka_unit_test(test_unnamed_labels_take_the_names_of_the_data),
        cmocka_unit_test(test_head_is_required),
        cmocka_unit_test(test_configuration_with_another_number_of_labels),
        cmocka_unit_test(test_preprocessor_follows_the_model),
        cmocka_unit_test(test_image_size_of_the_caller),
        cmocka_unit_test(test_every_preset_can_be_built),
        cmocka_unit_test(test_random_weights),
        cmocka_unit_test(test_saved_model_opens_the_same),
        cmocka_unit_test(test_restores_only_its_own),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    vt_text_free(&heard);
    remove_test_folder();
    return failed;
}
