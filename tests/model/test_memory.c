/* The memory of a placed model: planned to the byte before anything is taken, and nothing more is taken by steps. */
#include "vit_support.h"

#include <malloc.h>

enum { BATCH = 6, REST = 5, SIDE = 64, LABELS = 3 };

static const char *const sets[] = {NULL, "avx512_bf16", "avx512", "avx2", "portable"};

static uint8_t pixels[BATCH * SIDE * SIDE];
static float targets[BATCH * LABELS], logits[BATCH * LABELS], losses[BATCH];

static vt_model *open_small(int describe_only, double dropout) {
    vt_model_options options = default_options();
    options.image_height = options.image_width = SIDE;
    options.num_labels = LABELS;
    options.hidden_dropout_prob = options.attention_probs_dropout_prob = dropout;
    options.describe_only = describe_only;
    vt_model *model;
    ASSERT_OK(open_with("vit-micro-patch16-224", &options, &model));
    return model;
}

static void step(vt_vit *vit, int64_t batch, int number) {
    const vt_loss_options loss = {.problem_type = VT_PROBLEM_MULTI_LABEL};
    const vt_vit_step place = {.seed = 1, .step = (uint64_t)number};
    const vt_update update = {.learning_rate = 1e-3, .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8, .step = number + 1};
    double norm;
    ASSERT_OK(vt_vit_zero_gradients(vit));
    ASSERT_OK(vt_vit_forward_backward(vit, pixels, targets, batch, &place, &loss, 1, losses, NULL));
    ASSERT_OK(vt_vit_grad_norm(vit, &norm));
    ASSERT_OK(vt_vit_update(vit, &update));
}

static size_t heap_in_use(void) {
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

enum { STEPS = 60, STEADY = 12 }; /* longer than a cache lasts: glibc keeps 7 pieces of a size */

/* Steps of a whole and of a smaller micro-batch take nothing from the device, and nothing that stays from the heap: its use
 * comes to rest. What other threads free stays in caches of theirs for a while and counts as used, so it need not rest at once.
 */
static void check_steps(vt_vit *vit, vt_vit *evaluating) {
    vt_device_memory planned = device->memory;
    size_t heap = 0;
    int steady = 0;
    for (int i = 0; i < STEPS && steady < STEADY; i++) {
        step(vit, i % 2 ? REST : BATCH, i);
        ASSERT_OK(vt_vit_forward(evaluating, pixels, BATCH, NULL, logits));
        size_t now = heap_in_use();
        steady = now <= heap ? steady + 1 : 0;
        heap = now;
    }
    assert_memory_equal(&device->memory, &planned, sizeof planned);
    if (steady < STEADY) fail_msg("the heap still grows after %d steps", STEPS);
}

static void check_plan(vt_precision precision, int checkpointing, double dropout) {
    vt_model *described = open_small(1, dropout), *model = open_small(0, dropout);
    vt_memory_options wanted = {precision, BATCH, 1, 1, checkpointing};
    vt_vit_options options = {
        .precision = precision, .max_batch = BATCH, .pixel_channels = 1, .train = 1, .recompute = checkpointing};
    vt_memory_plan plan, taken;
    vt_vit *vit, *evaluating;
    vt_device_memory before = device->memory;
    ASSERT_OK(vt_model_plan_memory(device, described, &wanted, &plan));
    assert_memory_equal(&device->memory, &before, sizeof before);
    ASSERT_OK(vt_vit_create(device, model, &options, &vit));
    taken = vt_vit_memory(vit);
    assert_memory_equal(&taken, &plan, sizeof plan);
    assert_int_equal(taken.total, device->memory.buffers + device->memory.weights + device->memory.scratch);
    ASSERT_OK(vt_vit_prepare(vit, REST));
    options.train = options.recompute = 0;
    options.owner = vit;
    ASSERT_OK(vt_vit_create(device, model, &options, &evaluating));
    assert_int_equal(vt_vit_memory(vit).total + vt_vit_memory(evaluating).total,
                     device->memory.buffers + device->memory.weights + device->memory.scratch);
    check_steps(vit, evaluating);
    vt_vit_free(evaluating);
    vt_vit_free(vit);
    assert_int_equal(device->memory.buffers + device->memory.weights, 0);
    vt_model_close(model);
    vt_model_close(described);
}

/* The best set comes first, because the matrix library keeps to what its first use in a process allowed. */
static void the_plan_is_kept(void **state) {
    (void)state;
    for (size_t i = 0; i < 4 * sizeof sets / sizeof *sets; i++) {
        const char *isa = sets[i / 4];
        vt_device_info info;
        if (isa) setenv("VITRAIN_ISA", isa, 1);
        if (vt_device_open("cpu", &device) != VT_OK) continue; /* not of this build */
        vt_device_get_info(device, &info);
        if (!isa || strcmp(info.isa, isa) == 0) check_plan((vt_precision)(i & 1), i & 2 ? 1 : 0, i & 2 ? 0.1 : 0);
        vt_device_close(device);
        unsetenv("VITRAIN_ISA");
    }
}

/* What can't exist in this machine can still be planned, and what is larger needs more. */
static void plans_cost_nothing(void **state) {
    (void)state;
    vt_model_options options = default_options();
    vt_memory_options wanted;
    vt_memory_plan small, large, inference;
    vt_model *model;
    options.describe_only = 1;
    ASSERT_OK(open_with("vit-huge-patch14-224", &options, &model));
    open_device(NULL);
    vt_memory_options_init(&wanted, device);
    assert_int_equal(wanted.batch_size, 32);
    ASSERT_OK(vt_model_plan_memory(device, model, &wanted, &small));
    wanted.batch_size = 100000;
    ASSERT_OK(vt_model_plan_memory(device, model, &wanted, &large));
    assert_true(large.activations == small.activations / 32 * 100000);
    assert_true(small.activations_per_layer * 32 > small.activations); /* less of the last layer is kept */
    wanted.train = 0;
    ASSERT_OK(vt_model_plan_memory(device, model, &wanted, &inference));
    assert_int_equal(inference.gradients + inference.moments + inference.activation_gradients, 0);
    assert_int_equal(inference.weights, small.weights);
    assert_true(large.activations > 1e13);
    wanted.batch_size = 0;
    ASSERT_FAILS(VT_ERROR_USAGE, "the batch size is 0", vt_model_plan_memory(device, model, &wanted, &small));
    close_device(NULL);
    vt_model_close(model);
}

static void described_models_do_nothing_else(void **state) {
    (void)state;
    vt_model *model = open_small(1, 0);
    vt_vit_options options = {.max_batch = 1, .pixel_channels = 1};
    vt_vit *vit;
    open_device(NULL);
    ASSERT_FAILS(VT_ERROR_USAGE, "opened without its weights", vt_vit_create(device, model, &options, &vit));
    ASSERT_FAILS(VT_ERROR_USAGE, "opened without its weights", vt_model_save(model, "."));
    ASSERT_FAILS(VT_ERROR_USAGE, "opened without its weights", vt_model_restore(model, "."));
    close_device(NULL);
    vt_model_close(model);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_plan_is_kept),
        cmocka_unit_test(plans_cost_nothing),
        cmocka_unit_test(described_models_do_nothing_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
