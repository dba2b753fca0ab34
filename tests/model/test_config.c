/* config.json: defaults, spellings, what is refused and how, and the way out and back. */
#include "support.h"

#include "model/config.h"

static vt_status parse(const char *text, vt_vit_config *config) {
    return vt_config_parse(text, strlen(text), "config.json", config);
}

static void test_defaults_are_those_of_vit_config(void **state) {
    (void)state;
    vt_vit_config config;
    ASSERT_OK(parse("{}", &config));
    assert_int_equal(config.hidden_size, 768);
    assert_int_equal(config.num_hidden_layers, 12);
    assert_int_equal(config.num_attention_heads, 12);
    assert_int_equal(config.intermediate_size, 3072);
    assert_int_equal(config.hidden_act, VT_ACTIVATION_GELU);
    assert_true(config.layer_norm_eps == 1e-12);
    assert_int_equal(config.image_height, 224);
    assert_int_equal(config.image_width, 224);
    assert_int_equal(config.patch_size, 16);
    assert_int_equal(config.num_channels, 3);
    assert_int_equal(config.qkv_bias, 1);
    assert_int_equal(config.problem_type, VT_PROBLEM_UNSET);
    assert_int_equal(config.num_labels, 2);
    assert_string_equal(config.label_names[1], "LABEL_1");
    vt_config_free_labels(&config);
}

static void test_reads_what_hugging_face_writes(void **state) {
    (void)state;
    vt_vit_config config;
    ASSERT_OK(
        parse("{\"model_type\": \"vit\", \"hidden_size\": 48, \"num_attention_heads\": 3, \"image_size\": [32, 64],"
              "\"patch_size\": [8, 8], \"hidden_act\": \"gelu_pytorch_tanh\", \"qkv_bias\": false,"
              "\"problem_type\": null, \"hidden_dropout_prob\": 0, \"attention_probs_dropout_prob\": 0.25,"
              "\"id2label\": {\"1\": \"b\", \"0\": \"a\", \"2\": \"a\"}, \"encoder_stride\": 16, \"pooler_act\": \"tanh\"}",
              &config));
    assert_int_equal(config.image_height, 32);
    assert_int_equal(config.image_width, 64);
    assert_int_equal(config.patch_size, 8);
    assert_int_equal(config.hidden_act, VT_ACTIVATION_GELU_TANH);
    assert_int_equal(config.qkv_bias, 0);
    assert_true(config.attention_probs_dropout_prob == 0.25);
    assert_int_equal(config.num_labels, 3);
    assert_string_equal(config.label_names[0], "a");
    assert_string_equal(config.label_names[1], "b");
    vt_config_free_labels(&config);
}

static void test_refuses_by_name(void **state) {
    (void)state;
    static const struct {
        const char *text, *words;
        vt_status status;
    } cases[] = {
        {"{\"model_type\": \"swin\"}", "\"swin\"; only \"vit\"", VT_ERROR_UNSUPPORTED},
        {"{\"model_type\": 3}", "model_type", VT_ERROR_INPUT},
        {"{\"hidden_size\": \"abc\"}", "hidden_size", VT_ERROR_INPUT},
        {"{\"hidden_size\": 9223372036854775807}", "hidden_size", VT_ERROR_INPUT},
        {"{\"hidden_size\": -768}", "hidden_size", VT_ERROR_INPUT},
        {"{\"hidden_size\": 770}", "'hidden_size' 770 is not a multiple of 'num_attention_heads' 12", VT_ERROR_INPUT},
        {"{\"num_hidden_layers\": 1000000}", "num_hidden_layers", VT_ERROR_INPUT},
        {"{\"num_hidden_layers\": 0}", "num_hidden_layers", VT_ERROR_INPUT},
        {"{\"num_attention_heads\": 0}", "num_attention_heads", VT_ERROR_INPUT},
        {"{\"intermediate_size\": 1e3}", "intermediate_size", VT_ERROR_INPUT},
        {"{\"image_size\": 225}", "225 x 225 (height x width) is not a multiple of 'patch_size' 16", VT_ERROR_INPUT},
        {"{\"image_size\": [224]}", "[height, width]", VT_ERROR_INPUT},
        {"{\"image_size\": [224, 224, 3]}", "[height, width]", VT_ERROR_INPUT},
        {"{\"image_size\": [224, \"x\"]}", "[height, width]", VT_ERROR_INPUT},
        {"{\"image_size\": {\"height\": 224}}", "image_size", VT_ERROR_INPUT},
        {"{\"image_size\": 4096, \"patch_size\": 1}", "16777216 patches", VT_ERROR_INPUT},
        {"{\"patch_size\": [16, 8]}", "16 x 8; only square patches", VT_ERROR_UNSUPPORTED},
        {"{\"num_channels\": 2}", "'num_channels' is 2, expected 1 or 3", VT_ERROR_INPUT},
        {"{\"hidden_act\": \"mish\"}", "\"mish\"; known are gelu", VT_ERROR_UNSUPPORTED},
        {"{\"hidden_dropout_prob\": 1}", "hidden_dropout_prob", VT_ERROR_INPUT},
        {"{\"attention_probs_dropout_prob\": -0.1}", "attention_probs_dropout_prob", VT_ERROR_INPUT},
        {"{\"layer_norm_eps\": 0}", "layer_norm_eps", VT_ERROR_INPUT},
        {"{\"qkv_bias\": 1}", "qkv_bias", VT_ERROR_INPUT},
        {"{\"problem_type\": \"guessing\"}", "\"guessing\", expected multi_label_classification", VT_ERROR_INPUT},
        {"{\"id2label\": []}", "'id2label' must be an object", VT_ERROR_INPUT},
        {"{\"id2label\": {}}", "'id2label' must be an object", VT_ERROR_INPUT},
        {"{\"id2label\": {\"0\": \"a\", \"2\": \"b\"}}", "key \"2\", expected 0 to 1", VT_ERROR_INPUT},
        {"{\"id2label\": {\"0\": \"a\", \"01\": \"b\"}}", "key \"01\"", VT_ERROR_INPUT},
        {"{\"id2label\": {\"-0\": \"a\"}}", "key \"-0\"", VT_ERROR_INPUT},
        {"{\"id2label\": {\"0\": 7}}", "'id2label': label 0 is not a text", VT_ERROR_INPUT},
        {"{\"id2label\": {\"0\": \"\\u001b[2J\"}}", "control characters", VT_ERROR_INPUT},
        {"{\"num_labels\": 100000000}", "num_labels", VT_ERROR_INPUT},
        {"[1, 2]", "expected a JSON object", VT_ERROR_INPUT},
        {"{\"hidden_size\": ", "not valid JSON", VT_ERROR_INPUT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        vt_vit_config config;
        ASSERT_FAILS(cases[i].status, cases[i].words, parse(cases[i].text, &config));
    }
}

static void test_nested_a_million_deep(void **state) {
    (void)state;
    size_t depth = 1000000;
    char *text = malloc(depth + 20);
    assert_non_null(text);
    int start = sprintf(text, "{\"hidden_size\": ");
    memset(text + start, '[', depth);
    vt_vit_config config;
    ASSERT_FAILS(VT_ERROR_INPUT, "holds 1000001 objects and lists",
                 vt_config_parse(text, (size_t)start + depth, "config.json", &config));
    ASSERT_FAILS(VT_ERROR_INPUT, "not valid JSON", vt_config_parse(text, depth, "config.json", &config));
    free(text);
}

static void test_every_activation_has_a_name_that_reads_back(void **state) {
    (void)state;
    for (int activation = VT_ACTIVATION_GELU; activation <= VT_ACTIVATION_QUICK_GELU; activation++) {
        vt_vit_config config, again;
        vt_config_init(&config);
        config.hidden_act = (vt_activation)activation;
        ASSERT_OK(vt_config_set_labels(&config, NULL, 1));
        ASSERT_OK(vt_config_save(test_folder(), &config));
        ASSERT_OK(vt_config_load(test_folder(), &again));
        assert_int_equal(again.hidden_act, activation);
        vt_config_free_labels(&config);
        vt_config_free_labels(&again);
    }
}

static void test_writes_what_it_reads(void **state) {
    (void)state;
    const char *labels[] = {"No Finding", "Erg\xc3\xbcsse \"klein\"", "No Finding"};
    vt_vit_config config, again;
    vt_config_init(&config);
    config.hidden_size = 96;
    config.num_hidden_layers = 3;
    config.num_attention_heads = 2;
    config.intermediate_size = 100;
    config.hidden_dropout_prob = 0.1;
    config.attention_probs_dropout_prob = 0.2;
    config.layer_norm_eps = 1e-6;
    config.image_height = 32;
    config.image_width = 48;
    config.num_channels = 1;
    config.qkv_bias = 0;
    config.problem_type = VT_PROBLEM_REGRESSION;
    ASSERT_OK(vt_config_set_labels(&config, labels, 3));
    ASSERT_OK(vt_config_save(test_folder(), &config));
    ASSERT_OK(vt_config_load(test_folder(), &again));
    for (int i = 0; i < 3; i++) assert_string_equal(again.label_names[i], labels[i]);
    assert_int_equal(again.hidden_size, 96);
    assert_int_equal(again.num_hidden_layers, 3);
    assert_int_equal(again.num_attention_heads, 2);
    assert_int_equal(again.intermediate_size, 100);
    assert_true(again.hidden_dropout_prob == 0.1);
    assert_true(again.attention_probs_dropout_prob == 0.2);
    assert_true(again.initializer_range == 0.02);
    assert_true(again.layer_norm_eps == 1e-6);
    assert_int_equal(again.image_height, 32);
    assert_int_equal(again.image_width, 48);
    assert_int_equal(again.patch_size, 16);
    assert_int_equal(again.num_channels, 1);
    assert_int_equal(again.qkv_bias, 0);
    assert_int_equal(again.problem_type, VT_PROBLEM_REGRESSION);
    vt_config_free_labels(&config);
    vt_config_free_labels(&again);
}

static void test_labels_that_no_file_could_hold(void **state) {
    (void)state;
    const char *const bad[] = {"", "two\nlines", "not \xff utf-8", NULL};
    vt_vit_config config;
    vt_config_init(&config);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const char *names[] = {"good", bad[i]};
        ASSERT_FAILS(VT_ERROR_INPUT, "label 1 is not a text", vt_config_set_labels(&config, names, 2));
    }
    ASSERT_FAILS(VT_ERROR_USAGE, "a model of -1 labels", vt_config_set_labels(&config, NULL, -1));
    assert_null(config.label_names);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults_are_those_of_vit_config),
        cmocka_unit_test(test_reads_what_hugging_face_writes),
        cmocka_unit_test(test_refuses_by_name),
        cmocka_unit_test(test_nested_a_million_deep),
        cmocka_unit_test(test_every_activation_has_a_name_that_reads_back),
        cmocka_unit_test(test_writes_what_it_reads),
        cmocka_unit_test(test_labels_that_no_file_could_hold),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    remove_test_folder();
    return failed;
}
