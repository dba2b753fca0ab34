/* Resumption: a run interrupted at any moment, in any way, ends with the bits and the log of one that never was. */
#include "train_support.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/threads.h"
#include "train/checkpoint.h"

static vt_dataset *dataset;
static const char *program;
static char reference[512], data_path[512];

/* 11 images, batches of 2, 2 accumulated: steps of 4, 4 and 3 images; 3 epochs, 9 steps. */
static vt_training_arguments reference_arguments(const char *output_dir) {
    vt_training_arguments arguments = arguments_for(output_dir);
    arguments.gradient_accumulation_steps = 2;
    arguments.num_train_epochs = 3;
    arguments.lr_scheduler_type = VT_SCHEDULER_COSINE;
    arguments.warmup_ratio = 0.25;
    arguments.weight_decay = 0.05;
    arguments.logging_steps = 2;
    arguments.eval_strategy = VT_STRATEGY_STEPS;
    arguments.eval_steps = 3;
    arguments.save_steps = 1;
    strcpy(arguments.metric_for_best_model, "roc_auc");
    return arguments;
}

static vt_training_arguments resumed_arguments(const char *output_dir) {
    vt_training_arguments arguments = reference_arguments(output_dir);
    arguments.resume = 1;
    return arguments;
}

static int run_reference(void **state) {
    if (open_device(state) != 0) return -1;
    snprintf(data_path, sizeof data_path, "%s", make_dataset("data", 11, 8, 1));
    dataset = open_dataset(data_path);
    snprintf(reference, sizeof reference, "%s", test_path("reference"));
    vt_training_arguments arguments = reference_arguments(reference);
    ASSERT_OK(train_fresh(dataset, &arguments, NULL, NULL));
    return 0;
}

static int close_reference(void **state) {
    vt_dataset_close(dataset);
    return close_device(state);
}

/* best_model_checkpoint names the run's own folder, so logs and weights are compared, not whole states. */
static void assert_like_reference(const char *output_dir) {
    assert_same_run(reference, output_dir);
    assert_same_file(path_in(reference, "checkpoint-9/optimizer.safetensors"),
                     path_in(output_dir, "checkpoint-9/optimizer.safetensors"));
}

static void resumes_from_every_step(void **state) {
    (void)state;
    for (int step = 1; step <= 9; step++) {
        char name[32];
        snprintf(name, sizeof name, "from-%d", step);
        vt_training_arguments arguments = resumed_arguments(test_path(name));
        snprintf(arguments.resume_from_checkpoint, sizeof arguments.resume_from_checkpoint, "%s/checkpoint-%d", reference,
                 step);
        arguments.dataloader_num_workers = step % 3;
        ASSERT_OK(train_fresh(dataset, &arguments, NULL, NULL));
        if (step < 9)
            assert_like_reference(arguments.output_dir);
        else
            assert_same_run(reference, arguments.output_dir);
    }
}

static void other_optimizers_and_precisions_resume(void **state) {
    (void)state;
    static const char *const options[][2] = {{"optim", "sgd"}, {"optim", "lamb"}, {"precision", "bf16"}};
    for (int i = 0; i < 3; i++) {
        char whole[512], resumed[32];
        snprintf(whole, sizeof whole, "%s", test_path(options[i][1]));
        snprintf(resumed, sizeof resumed, "%s-resumed", options[i][1]);
        vt_training_arguments arguments = reference_arguments(whole);
        ASSERT_OK(vt_training_arguments_set(&arguments, options[i][0], options[i][1]));
        arguments.save_steps = 4;
        ASSERT_OK(train_fresh(dataset, &arguments, NULL, NULL));
        snprintf(arguments.resume_from_checkpoint, sizeof arguments.resume_from_checkpoint, "%s/checkpoint-4", whole);
        snprintf(arguments.output_dir, sizeof arguments.output_dir, "%s", test_path(resumed));
        arguments.resume = 1;
        ASSERT_OK(train_fresh(dataset, &arguments, NULL, NULL));
        assert_same_run(whole, arguments.output_dir);
    }
}

/* --- stopping politely --- */

static int lines_until_stop;

static void stop_at_line(void *user, vt_level level, const char *text) {
    (void)user, (void)level;
    if (strstr(text, "{'") && lines_until_stop-- == 0) vt_request_stop();
}

static void stop_in_evaluation(void *user, const char *text) {
    (void)user;
    if (text && strstr(text, "Evaluating")) vt_request_stop();
}

/* Each call goes a little further before it is asked to stop; every one must leave a whole checkpoint. */
static void stops_and_goes_on(void **state) {
    (void)state;
    const vt_console stopper = {.line = stop_at_line};
    vt_training_arguments arguments = resumed_arguments(test_path("stopped"));
    vt_status status = VT_ERROR_INTERRUPTED;
    int stops = 0;
    arguments.save_steps = 100;
    while (status == VT_ERROR_INTERRUPTED && stops < 20) {
        lines_until_stop = stops % 2;
        status = train_fresh(dataset, &arguments, &stopper, NULL);
        if (status == VT_ERROR_INTERRUPTED) {
            assert_non_null(strstr(vt_error_message(), "--resume-from-checkpoint"));
            stops++;
        }
        vt_clear_stop();
    }
    ASSERT_OK(status);
    assert_true(stops >= 3);
    assert_like_reference(arguments.output_dir);
}

static void a_stopped_evaluation_is_made_up_for(void **state) {
    (void)state;
    const vt_console stopper = {.progress = stop_in_evaluation};
    vt_training_arguments arguments = resumed_arguments(test_path("stopped-evaluation"));
    ASSERT_FAILS(VT_ERROR_INTERRUPTED, "after step 3 of 9", train_fresh(dataset, &arguments, &stopper, NULL));
    vt_clear_stop();
    ASSERT_OK(train_fresh(dataset, &arguments, NULL, NULL));
    assert_like_reference(arguments.output_dir);
}

/* --- being killed --- */

/* Starts this program as another process that trains. */
static pid_t start_child(const char *output_dir) {
    pid_t child = fork();
    if (child == 0) {
        execl(program, program, "child", data_path, output_dir, (char *)NULL);
        _exit(127);
    }
    assert_true(child > 0);
    return child;
}

static int wait_for(pid_t child) {
    int result;
    assert_int_equal(waitpid(child, &result, 0), child);
    return result;
}

/* Kills a child some microseconds after it has begun to write checkpoint-<step>, or found it there. */
static int kill_at(const char *output_dir, int step, long microseconds) {
    char partial[64], whole[64];
    const struct timespec glance = {0, 100000}, pause = {0, microseconds * 1000};
    siginfo_t ended = {0};
    snprintf(partial, sizeof partial, ".checkpoint-%d.partial", step);
    snprintf(whole, sizeof whole, "checkpoint-%d", step);
    pid_t child = start_child(output_dir);
    while (!vt_path_exists(path_in(output_dir, partial)) && !vt_path_exists(path_in(output_dir, whole))) {
        if (waitid(P_PID, (id_t)child, &ended, WEXITED | WNOHANG | WNOWAIT) == 0 && ended.si_pid == child) break;
        nanosleep(&glance, NULL);
    }
    nanosleep(&pause, NULL);
    kill(child, SIGKILL);
    return wait_for(child);
}

static int child_main(const char *data, const char *output_dir) {
    vt_training_arguments arguments = resumed_arguments(output_dir);
    if (open_device(NULL) != 0) return 3;
    dataset = open_dataset(data);
    if (train_fresh(dataset, &arguments, NULL, NULL) == VT_OK) return 0;
    fprintf(stderr, "%s\n", vt_error_message());
    return 2;
}

static void killed_at_any_moment(void **state) {
    (void)state;
    const char *output_dir = test_path("killed");
    int kills = 0;
    for (int i = 0; i < 16; i++) {
        vt_random random = vt_random_stream(11, VT_PURPOSE_TEST, 1, (uint64_t)i);
        int result = kill_at(output_dir, 1 + i / 2, (long)vt_random_below(&random, 4000));
        if (WIFSIGNALED(result))
            kills++;
        else
            assert_int_equal(result, 0);
    }
    assert_true(kills > 0);
    assert_int_equal(wait_for(start_child(output_dir)), 0);
    assert_like_reference(output_dir);
}

/* --- damage --- */

static void change_byte(const char *path) {
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    fseek(file, -5, SEEK_END);
    int byte = fgetc(file);
    fseek(file, -1, SEEK_CUR);
    fputc(byte ^ 1, file);
    fclose(file);
}

static void damaged_checkpoints_are_passed_over(void **state) {
    (void)state;
    vt_training_arguments arguments = reference_arguments(test_path("damaged"));
    const char *folder = arguments.output_dir;
    ASSERT_OK(train_fresh(dataset, &arguments, NULL, NULL));
    change_byte(path_in(folder, "checkpoint-9/optimizer.safetensors"));
    assert_int_equal(truncate(path_in(folder, "checkpoint-8/model.safetensors"), 1000), 0);
    assert_int_equal(unlink(path_in(folder, "checkpoint-7/manifest.json")), 0);
    assert_int_equal(unlink(path_in(folder, "checkpoint-6/trainer_state.json")), 0);
    arguments.resume = 1;
    forget();
    ASSERT_OK(train_fresh(dataset, &arguments, &listener, NULL));
    assert_heard("checkpoint-9 is damaged and passed over: ");
    assert_heard("optimizer.safetensors: its checksum is ");
    assert_heard("checkpoint-8/model.safetensors: has 1000 bytes, expected ");
    assert_heard("checkpoint-7 is damaged and passed over: ");
    assert_heard("checkpoint-6 is damaged and passed over: ");
    assert_heard("Resuming from step 5,");
    assert_like_reference(folder);
    change_byte(path_in(folder, "checkpoint-9/model.safetensors"));
    snprintf(arguments.resume_from_checkpoint, sizeof arguments.resume_from_checkpoint, "%.3900s/checkpoint-9", folder);
    ASSERT_FAILS(VT_ERROR_INPUT, "its checksum is", train_fresh(dataset, &arguments, NULL, NULL));
}

static void leftovers_of_killed_runs_go(void **state) {
    (void)state;
    vt_training_arguments arguments = reference_arguments(test_path("leftovers"));
    const char *folder = arguments.output_dir;
    arguments.max_steps = 1;
    ASSERT_OK(vt_make_folders(path_in(folder, ".checkpoint-7.partial")));
    write_test_file(path_in(folder, ".checkpoint-7.partial/model.safetensors"), "x", 1);
    write_test_file(path_in(folder, "model.safetensors.4711-3.tmp"), "x", 1);
    write_test_file(path_in(folder, "mine.tmp"), "x", 1);
    ASSERT_OK(train_fresh(dataset, &arguments, NULL, NULL));
    assert_false(vt_path_exists(path_in(folder, ".checkpoint-7.partial")));
    assert_false(vt_path_exists(path_in(folder, "model.safetensors.4711-3.tmp")));
    assert_true(vt_path_exists(path_in(folder, "mine.tmp")));
}

/* --- no room --- */

static struct rlimit no_limit;

/* From the third log line on no file may grow beyond 50 kB, less than the weights. */
static void limit_at_line(void *user, vt_level level, const char *text) {
    struct rlimit limit = {50000, no_limit.rlim_max};
    (void)user, (void)level;
    if (strstr(text, "{'loss'") && lines_until_stop-- == 0) setrlimit(RLIMIT_FSIZE, &limit);
}

static void a_full_disk_keeps_the_last_good_one(void **state) {
    (void)state;
    const vt_console limiter = {.line = limit_at_line};
    vt_training_arguments arguments = reference_arguments(test_path("full"));
    const char *folder = arguments.output_dir;
    getrlimit(RLIMIT_FSIZE, &no_limit);
    signal(SIGXFSZ, SIG_IGN);
    lines_until_stop = 1;
    vt_status status = train_fresh(dataset, &arguments, &limiter, NULL);
    setrlimit(RLIMIT_FSIZE, &no_limit);
    assert_int_equal(status, VT_ERROR_IO);
    assert_non_null(strstr(vt_error_message(), "checkpoint-4 was not saved: "));
    assert_non_null(strstr(vt_error_message(), "the last good one is "));
    assert_non_null(strstr(vt_error_message(), "checkpoint-3"));
    assert_false(vt_path_exists(path_in(folder, ".checkpoint-4.partial")));
    assert_false(vt_path_exists(path_in(folder, "checkpoint-4")));
    arguments.resume = 1;
    ASSERT_OK(train_fresh(dataset, &arguments, NULL, NULL));
    assert_like_reference(folder);
}

/* --- what may change --- */

static void refuses_what_would_not_be_the_same_run(void **state) {
    (void)state;
    vt_training_arguments arguments = resumed_arguments(reference), changed = arguments;
    changed.seed = 43;
    ASSERT_FAILS(VT_ERROR_USAGE, "seed 42, but this run has 43", train_fresh(dataset, &changed, NULL, NULL));
    changed = arguments;
    changed.num_train_epochs = 4;
    ASSERT_FAILS(VT_ERROR_USAGE, "a run of 9 optimizer steps, but this one has 12", train_fresh(dataset, &changed, NULL, NULL));
    changed = arguments;
    strcpy(changed.pos_weight, "auto");
    ASSERT_FAILS(VT_ERROR_USAGE, "pos_weight was null", train_fresh(dataset, &changed, NULL, NULL));
    vt_dataset *other = open_dataset(make_dataset("other", 12, 7, 1));
    ASSERT_FAILS(VT_ERROR_USAGE, "a run whose split_hash was", train_fresh(other, &arguments, NULL, NULL));
    vt_dataset_close(other);
    vt_model *model = open_model_for(dataset, 0.2);
    vt_train_result result;
    ASSERT_FAILS(VT_ERROR_USAGE, "hidden_dropout_prob was 0.1", vt_train(device, model, dataset, &arguments, NULL, &result));
    vt_model_close(model);
}

static void nothing_to_resume_is_a_fresh_start(void **state) {
    (void)state;
    vt_training_arguments arguments = resumed_arguments(test_path("fresh"));
    forget();
    ASSERT_OK(train_fresh(dataset, &arguments, &listener, NULL));
    assert_heard("starting afresh");
    assert_like_reference(arguments.output_dir);
}

/* --- rotation --- */

static void assert_steps(const char *folder, const int64_t *expected, size_t count) {
    int64_t *steps;
    size_t found;
    ASSERT_OK(vt_checkpoint_list(folder, &steps, &found));
    assert_int_equal(found, count);
    assert_memory_equal(steps, expected, count * sizeof *steps);
    free(steps);
}

/* As if killed after saving and before deleting. */
static void a_resumed_run_keeps_to_its_limit(void **state) {
    (void)state;
    static const int64_t left[] = {8, 9};
    vt_training_arguments arguments = reference_arguments(test_path("over-limit"));
    arguments.metric_for_best_model[0] = 0;
    ASSERT_OK(train_fresh(dataset, &arguments, NULL, NULL));
    arguments.resume = 1;
    arguments.save_total_limit = 2;
    ASSERT_OK(train_fresh(dataset, &arguments, NULL, NULL));
    assert_steps(arguments.output_dir, left, 2);
}

static void rotation_spares_best_and_newest(void **state) {
    (void)state;
    const char *folder = test_path("rotated");
    static const int64_t all[] = {5, 10, 20, 100}, two[] = {5, 100}, other[] = {10};
    static const char *const names[] = {"checkpoint-100", "checkpoint-20", "checkpoint-5", "checkpoint-10", "checkpoint-x"};
    for (int i = 0; i < 5; i++) ASSERT_OK(vt_make_folders(path_in(folder, names[i])));
    ASSERT_OK(vt_checkpoint_rotate(folder, 0, 100, 5));
    assert_steps(folder, all, 4);
    ASSERT_OK(vt_checkpoint_rotate(folder, 1, 100, 5));
    assert_steps(folder, two, 2);
    /* One written now is the newest, whatever stands there with a higher number. */
    ASSERT_OK(vt_make_folders(path_in(folder, "checkpoint-10")));
    ASSERT_OK(vt_checkpoint_rotate(folder, 1, 10, 0));
    assert_steps(folder, other, 1);
    assert_true(vt_path_exists(path_in(folder, "checkpoint-x")));
}

int main(int argc, char **argv) {
    program = argv[0];
    if (argc == 4 && strcmp(argv[1], "child") == 0) return child_main(argv[2], argv[3]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(resumes_from_every_step),
        cmocka_unit_test(other_optimizers_and_precisions_resume),
        cmocka_unit_test(stops_and_goes_on),
        cmocka_unit_test(a_stopped_evaluation_is_made_up_for),
        cmocka_unit_test(killed_at_any_moment),
        cmocka_unit_test(damaged_checkpoints_are_passed_over),
        cmocka_unit_test(leftovers_of_killed_runs_go),
        cmocka_unit_test(a_full_disk_keeps_the_last_good_one),
        cmocka_unit_test(refuses_what_would_not_be_the_same_run),
        cmocka_unit_test(nothing_to_resume_is_a_fresh_start),
        cmocka_unit_test(a_resumed_run_keeps_to_its_limit),
        cmocka_unit_test(rotation_spares_best_and_newest),
    };
    int failed = cmocka_run_group_tests(tests, run_reference, close_reference);
    forget();
    remove_test_folder();
    return failed;
}
