/* Training arguments: one table from which defaults, parsing, help, limits, training_args.json and the rules of
 * resuming all derive. Names, defaults and meanings are those of Hugging Face's TrainingArguments. */
#include "train/arguments.h"

#include "base/names.h"
#include "vitrain/augment.h"
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef enum argument_kind {
    KIND_INTEGER,   /* int, int64_t or uint64_t, by size */
    KIND_NUMBER,    /* double */
    KIND_FLAG,      /* int: 0 or 1 */
    KIND_TRI_STATE, /* int: -1 (null), 0 or 1 */
    KIND_CHOICE,    /* an enum: the index into `choices` */
    KIND_TEXT,      /* char[size]; "" is null */
    KIND_RESUME     /* char[size] and the flag `resume`: a flag, or a path */
} argument_kind;

/* What changing an argument between a checkpoint and its resumption does. */
typedef enum resume_rule {
    RESUME_FREE, /* nothing to the weights, or checked in another way */
    RESUME_FIXED /* other weights: refused */
} resume_rule;

typedef struct argument {
    const char *name;
    size_t offset, size;
    argument_kind kind;
    double initial; /* of all kinds but text */
    const char *initial_text;
    double low, high;           /* inclusive */
    int initial_is_null;        /* of integers: the default means "not given", and is written as null */
    const char *const *choices; /* NULL-terminated */
    resume_rule resume;
    const char *help;
} argument;

#define FIELD(member)                                                                                                          \
    .name = #member, .offset = offsetof(vt_training_arguments, member), .size = sizeof(((vt_training_arguments *)0)->member)
#define INT_LIMIT        2147483647.0
#define COUNT_LIMIT      1e15
#define BELOW_ONE        0.9999999999999999
#define COUNT(low_, d)   .kind = KIND_INTEGER, .low = (low_), .high = COUNT_LIMIT, .initial = (d)
#define SMALL(low_, d)   .kind = KIND_INTEGER, .low = (low_), .high = INT_LIMIT, .initial = (d)
#define NUMBER(l, h, d)  .kind = KIND_NUMBER, .low = (l), .high = (h), .initial = (d)
#define CHOICE(names, d) .kind = KIND_CHOICE, .choices = (names), .initial = (d)

static const char *const STRATEGIES[] = {"no", "steps", "epoch", NULL};
static const char *const SCHEDULERS[] = {
    "linear", "cosine", "cosine_with_restarts", "polynomial", "constant", "constant_with_warmup", NULL};
static const char *const OPTIMIZERS[] = {"adamw", "sgd", "lamb", NULL};
static const char *const SAMPLERS[] = {"random", "balanced", NULL};
static const char *const PRECISIONS[] = {"fp32", "bf16", NULL};

static const argument TABLE[] = {
    {FIELD(output_dir), .kind = KIND_TEXT, .help = "folder for checkpoints, the final model, logs and results"},
    {FIELD(overwrite_output_dir), .kind = KIND_FLAG, .help = "start afresh where an earlier run left checkpoints"},
    {FIELD(per_device_train_batch_size), SMALL(1, 8), .resume = RESUME_FIXED, .help = "images in a training micro-batch"},
    {FIELD(per_device_eval_batch_size), SMALL(1, 8), .help = "images in an evaluation batch"},
    {FIELD(gradient_accumulation_steps), SMALL(1, 1), .resume = RESUME_FIXED, .help = "micro-batches in one optimizer step"},
    {FIELD(learning_rate), NUMBER(0, 1e6, 5e-5), .resume = RESUME_FIXED, .help = "highest learning rate"},
    {FIELD(weight_decay), NUMBER(0, 1e6, 0), .resume = RESUME_FIXED, .help = "decay of weights, not of biases and layer norms"},
    {FIELD(adam_beta1), NUMBER(0, BELOW_ONE, 0.9), .resume = RESUME_FIXED, .help = "decay of the first moment"},
    {FIELD(adam_beta2), NUMBER(0, BELOW_ONE, 0.999), .resume = RESUME_FIXED, .help = "decay of the second moment"},
    {FIELD(adam_epsilon), NUMBER(0, 1e6, 1e-8), .resume = RESUME_FIXED, .help = "added to the root of the second moment"},
    {FIELD(sgd_momentum), NUMBER(0, BELOW_ONE, 0.9), .resume = RESUME_FIXED, .help = "momentum of --optim sgd"},
    {FIELD(max_grad_norm), NUMBER(0, 1e30, 1), .resume = RESUME_FIXED, .help = "clip the gradient to this norm; 0: never"},
    {FIELD(num_train_epochs), NUMBER(0, 1e9, 3), .help = "passes over the training split; fractions allowed"},
    {FIELD(max_steps), COUNT(-1, -1), .help = "optimizer steps; overrides the epochs unless -1"},
    {FIELD(lr_scheduler_type), CHOICE(SCHEDULERS, 0), .resume = RESUME_FIXED,
     .help = "shape of the learning rate over the run"},
    {FIELD(lr_scheduler_num_cycles), NUMBER(0, 1e9, 1), .resume = RESUME_FIXED, .help = "waves of cosine_with_restarts"},
    {FIELD(lr_scheduler_power), NUMBER(0, 1e3, 1), .resume = RESUME_FIXED, .help = "exponent of polynomial"},
    {FIELD(lr_scheduler_lr_end), NUMBER(0, 1e6, 1e-7), .resume = RESUME_FIXED, .help = "last learning rate of polynomial"},
    {FIELD(warmup_ratio), NUMBER(0, 1, 0), .resume = RESUME_FIXED, .help = "share of all steps with a rising learning rate"},
    {FIELD(warmup_steps), COUNT(0, 0), .resume = RESUME_FIXED,
     .help = "steps with a rising learning rate; wins over the ratio. Below 1: as the ratio"},
    {FIELD(logging_strategy), CHOICE(STRATEGIES, VT_STRATEGY_STEPS), .help = "when to log"},
    {FIELD(logging_first_step), .kind = KIND_FLAG, .help = "log the first step as well"},
    {FIELD(logging_steps), COUNT(1, 500), .help = "steps between log lines"},
    {FIELD(eval_strategy), CHOICE(STRATEGIES, VT_STRATEGY_NO), .help = "when to evaluate while training"},
    {FIELD(eval_steps), COUNT(0, 0), .initial_is_null = 1, .help = "steps between evaluations; as logging_steps if not given"},
    {FIELD(save_strategy), CHOICE(STRATEGIES, VT_STRATEGY_STEPS), .help = "when to save a checkpoint"},
    {FIELD(save_steps), COUNT(1, 500), .help = "steps between checkpoints"},
    {FIELD(save_total_limit), COUNT(0, 0), .initial_is_null = 1, .help = "checkpoints kept; best and newest always are"},
    {FIELD(load_best_model_at_end), .kind = KIND_FLAG, .help = "end with the best checkpoint's weights"},
    {FIELD(metric_for_best_model), .kind = KIND_TEXT, .help = "such as loss or roc_auc, with or without eval_ in front"},
    {FIELD(greater_is_better), .kind = KIND_TRI_STATE, .initial = -1, .help = "by the metric's name if not given"},
    {FIELD(seed), COUNT(0, 42), .resume = RESUME_FIXED, .help = "of every random decision"},
    {FIELD(gradient_checkpointing), .kind = KIND_FLAG, .help = "recompute activations in backward: less memory, same result"},
    {FIELD(dataloader_drop_last), .kind = KIND_FLAG, .resume = RESUME_FIXED, .help = "drop an epoch's last, smaller batch"},
    {FIELD(dataloader_num_workers), .kind = KIND_INTEGER, .low = 0, .high = 256, .initial = -1, .initial_is_null = 1,
     .help = "threads that augment and assemble batches ahead; as many as there is work for if not given"},
    {FIELD(sampler), CHOICE(SAMPLERS, VT_SAMPLER_RANDOM), .resume = RESUME_FIXED,
     .help = "images of an epoch, each once or drawn so that rare labels come more often"},
    {FIELD(resume_from_checkpoint), .kind = KIND_RESUME, .help = "a checkpoint; without one the newest valid of output_dir"},
    {FIELD(optim), CHOICE(OPTIMIZERS, VT_OPTIMIZER_ADAMW), .resume = RESUME_FIXED, .help = "optimizer"},
    {FIELD(label_smoothing_factor), NUMBER(0, BELOW_ONE, 0), .resume = RESUME_FIXED, .help = "share of a label spread evenly"},
    {FIELD(augment), .kind = KIND_TEXT, .resume = RESUME_FIXED,
     .help = "what is done to training images, such as \"crop=0.35-1.0 flip=0.5\" (docs/training.md)"},
    {FIELD(precision), CHOICE(PRECISIONS, VT_PRECISION_FP32), .resume = RESUME_FIXED, .help = "of products and activations"},
    {FIELD(pos_weight), .kind = KIND_TEXT, .initial_text = "none", .help = "weights of positives: none, auto, or a JSON file"},
    {FIELD(eval_split), .kind = KIND_TEXT, .initial_text = "validation", .help = "split evaluated while training"},
    {FIELD(logging_dir), .kind = KIND_TEXT, .help = "folder of TensorBoard events; output_dir/runs/... if not given"},
};
enum { ARGUMENTS = sizeof TABLE / sizeof *TABLE };

/* Other spellings that Hugging Face's users have in their scripts; value NULL: of the name itself. */
static const struct alias {
    const char *name, *value, *to_name, *to_value;
} ALIASES[] = {
    {"evaluation_strategy", NULL, "eval_strategy", NULL},
    {"optim", "adamw_torch", "optim", "adamw"},
    {"optim", "adamw_torch_fused", "optim", "adamw"},
    {"optim", "adamw_hf", "optim", "adamw"},
    {"bf16", "true", "precision", "bf16"},
    {"bf16", "false", "precision", "fp32"},
};

static void *field(vt_training_arguments *arguments, const argument *entry) {
    return (char *)arguments + entry->offset;
}
static const void *const_field(const vt_training_arguments *arguments, const argument *entry) {
    return (const char *)arguments + entry->offset;
}

static void store_integer(vt_training_arguments *arguments, const argument *entry, int64_t value) {
    if (entry->size == sizeof(int))
        *(int *)field(arguments, entry) = (int)value;
    else
        memcpy(field(arguments, entry), &value, sizeof value);
}

static int64_t load_integer(const vt_training_arguments *arguments, const argument *entry) {
    if (entry->size == sizeof(int)) return *(const int *)const_field(arguments, entry);
    int64_t value;
    memcpy(&value, const_field(arguments, entry), sizeof value);
    return value;
}

static double load_number(const vt_training_arguments *arguments, const argument *entry) {
    return *(const double *)const_field(arguments, entry);
}

void vt_training_arguments_init(vt_training_arguments *arguments, const vt_device *device) {
    memset(arguments, 0, sizeof *arguments);
    for (int i = 0; i < ARGUMENTS; i++) {
        const argument *entry = &TABLE[i];
        if (entry->kind == KIND_NUMBER)
            *(double *)field(arguments, entry) = entry->initial;
        else if (entry->kind != KIND_TEXT && entry->kind != KIND_RESUME)
            store_integer(arguments, entry, (int64_t)entry->initial);
        else if (entry->initial_text)
            memcpy(field(arguments, entry), entry->initial_text, strlen(entry->initial_text) + 1);
    }
    if (!device) return;
    vt_device_info info;
    vt_device_get_info(device, &info);
    if (info.native_bf16) arguments->precision = VT_PRECISION_BF16;
}

/* What an argument takes, in words: "an integer from 1 to 2147483647". */
static void describe_values(const argument *entry, char *text, size_t size) {
    size_t used = 0;
    switch (entry->kind) {
    case KIND_INTEGER:
        if (entry->high >= COUNT_LIMIT)
            snprintf(text, size, "an integer of at least %.0f", entry->low);
        else
            snprintf(text, size, "an integer from %.0f to %.0f", entry->low, entry->high);
        break;
    case KIND_NUMBER:
        if (entry->high == BELOW_ONE)
            snprintf(text, size, "a number from %g to below 1", entry->low);
        else
            snprintf(text, size, "a number from %g to %g", entry->low, entry->high);
        break;
    case KIND_FLAG:
    case KIND_TRI_STATE:
        snprintf(text, size, "true or false");
        break;
    case KIND_CHOICE:
        for (int i = 0; entry->choices[i] && used < size; i++)
            used += (size_t)snprintf(text + used, size - used, "%s%s", i ? ", " : "one of ", entry->choices[i]);
        break;
    case KIND_TEXT:
    case KIND_RESUME:
        snprintf(text, size, "a text of at most %zu bytes", entry->size - 1);
        break;
    }
}

static vt_status refuse(const argument *entry, const char *value) {
    char allowed[256];
    describe_values(entry, allowed, sizeof allowed);
    return vt_fail(VT_ERROR_USAGE, "argument %s: '%.80s' is not valid, expected %s", entry->name, value, allowed);
}

/* 1, 0, or -1 for a text that is neither. */
static int parse_flag(const char *value) {
    static const char *const words[] = {"false", "true", "False", "True", "no", "yes", "0", "1"};
    for (int i = 0; i < 8; i++)
        if (strcmp(value, words[i]) == 0) return i & 1;
    return -1;
}

static int within(const argument *entry, double value) {
    return (value >= entry->low && value <= entry->high) || (entry->initial_is_null && value == entry->initial);
}

static vt_status store_text(vt_training_arguments *arguments, const argument *entry, const char *value) {
    if (strlen(value) >= entry->size) return refuse(entry, value);
    memcpy(field(arguments, entry), value, strlen(value) + 1);
    return VT_OK;
}

static vt_status store_choice(vt_training_arguments *arguments, const argument *entry, const char *value) {
    for (int i = 0; entry->choices[i]; i++)
        if (strcmp(entry->choices[i], value) == 0) return store_integer(arguments, entry, i), VT_OK;
    return refuse(entry, value);
}

static vt_status store_resume(vt_training_arguments *arguments, const argument *entry, const char *value) {
    int flag = parse_flag(value);
    arguments->resume = flag != 0;
    return store_text(arguments, entry, flag < 0 ? value : "");
}

static vt_status store(vt_training_arguments *arguments, const argument *entry, const char *value) {
    char *end;
    double number;
    long long integer;
    int flag;
    switch (entry->kind) {
    case KIND_INTEGER:
        errno = 0;
        integer = strtoll(value, &end, 10);
        if (errno || end == value || *end || !within(entry, (double)integer)) return refuse(entry, value);
        store_integer(arguments, entry, integer);
        return VT_OK;
    case KIND_NUMBER:
        number = strtod(value, &end);
        if (end == value || *end || !within(entry, number)) return refuse(entry, value);
        *(double *)field(arguments, entry) = number;
        return VT_OK;
    case KIND_FLAG:
    case KIND_TRI_STATE:
        flag = parse_flag(value);
        if (flag < 0) return refuse(entry, value);
        store_integer(arguments, entry, flag);
        return VT_OK;
    case KIND_CHOICE:
        return store_choice(arguments, entry, value);
    case KIND_TEXT:
        if (strcmp(entry->name, "augment") == 0) VT_TRY(vt_augment_check(value));
        return store_text(arguments, entry, value);
    case KIND_RESUME:
        return store_resume(arguments, entry, value);
    }
    return refuse(entry, value);
}

static const argument *find(const char *name) {
    for (int i = 0; i < ARGUMENTS; i++)
        if (strcmp(TABLE[i].name, name) == 0) return &TABLE[i];
    return NULL;
}

/* Replaces a spelling of Hugging Face's by ours. */
static void resolve_alias(const char **name, const char **value) {
    const char *spelled = *value;
    if (strcmp(*name, "bf16") == 0) {
        int flag = spelled ? parse_flag(spelled) : 1;
        if (flag >= 0) spelled = flag ? "true" : "false";
    }
    for (size_t i = 0; i < sizeof ALIASES / sizeof *ALIASES; i++) {
        const struct alias *alias = &ALIASES[i];
        if (strcmp(alias->name, *name) != 0) continue;
        if (alias->value && (!spelled || strcmp(alias->value, spelled) != 0)) continue;
        *name = alias->to_name;
        if (alias->to_value) *value = alias->to_value;
        return;
    }
}

/* A number between 0 and 1, neither included. */
static int is_share(const char *value) {
    char *end;
    double number = strtod(value, &end);
    return end != value && !*end && number > 0 && number < 1;
}

static vt_status refuse_unknown(const char *name) {
    const char *nearest = TABLE[0].name;
    for (int i = 1; i < ARGUMENTS; i++)
        if (vt_edit_distance(name, TABLE[i].name) < vt_edit_distance(name, nearest)) nearest = TABLE[i].name;
    return vt_fail(VT_ERROR_USAGE, "unknown training argument '%.80s'; the nearest one is '%s'", name, nearest);
}

vt_status vt_training_arguments_set(vt_training_arguments *arguments, const char *name, const char *value) {
    char spelled[64] = "";
    if (strlen(name) >= sizeof spelled) return vt_fail(VT_ERROR_USAGE, "unknown training argument '%.80s...'", name);
    for (size_t i = 0; i <= strlen(name); i++) spelled[i] = name[i] == '-' ? '_' : name[i];
    const char *known = spelled;
    resolve_alias(&known, &value);
    const argument *entry = find(known);
    if (!entry) return refuse_unknown(spelled);
    /* transformers 5 has no warmup_ratio: a share of all steps is a warmup_steps below 1. */
    if (strcmp(known, "warmup_steps") == 0 && value && is_share(value)) {
        arguments->warmup_steps = 0;
        entry = find("warmup_ratio");
    }
    if (value) return store(arguments, entry, value);
    if (entry->kind == KIND_FLAG || entry->kind == KIND_TRI_STATE || entry->kind == KIND_RESUME)
        return store(arguments, entry, "true");
    char allowed[256];
    describe_values(entry, allowed, sizeof allowed);
    return vt_fail(VT_ERROR_USAGE, "argument %s needs a value: %s", entry->name, allowed);
}

/* An argument's value as the command line would have it. */
static void value_text(const vt_training_arguments *arguments, const argument *entry, char *text, size_t size) {
    switch (entry->kind) {
    case KIND_NUMBER:
        snprintf(text, size, "%.10g", load_number(arguments, entry));
        break;
    case KIND_CHOICE:
        snprintf(text, size, "%s", entry->choices[load_integer(arguments, entry)]);
        break;
    case KIND_FLAG:
        snprintf(text, size, "%s", load_integer(arguments, entry) ? "true" : "false");
        break;
    case KIND_TEXT:
    case KIND_RESUME:
        snprintf(text, size, "%s", (const char *)const_field(arguments, entry));
        break;
    case KIND_INTEGER:
    case KIND_TRI_STATE:
        snprintf(text, size, "%lld", (long long)load_integer(arguments, entry));
        break;
    }
}

int vt_training_argument_describe(int index, vt_argument_help *help) {
    if (index < 0 || index >= ARGUMENTS) return 0;
    const argument *entry = &TABLE[index];
    int flag = entry->kind == KIND_FLAG || entry->kind == KIND_TRI_STATE;
    vt_training_arguments defaults;
    vt_training_arguments_init(&defaults, NULL);
    *help = (vt_argument_help){
        .name = entry->name, .help = entry->help, .value_required = !flag && entry->kind != KIND_RESUME, .flag = flag};
    describe_values(entry, help->values, sizeof help->values);
    if (entry->kind == KIND_TRI_STATE || entry->initial_is_null) return 1;
    value_text(&defaults, entry, help->initial, sizeof help->initial);
    return 1;
}

/* Arguments may have been filled in without vt_training_arguments_set(). */
static vt_status check_limits(const vt_training_arguments *arguments) {
    char text[64];
    for (int i = 0; i < ARGUMENTS; i++) {
        const argument *entry = &TABLE[i];
        double value = entry->kind == KIND_NUMBER                                  ? load_number(arguments, entry)
                       : entry->kind == KIND_INTEGER || entry->kind == KIND_CHOICE ? (double)load_integer(arguments, entry)
                                                                                   : 0;
        double choices = 0;
        if (entry->kind == KIND_CHOICE)
            while (entry->choices[(int)choices]) choices++;
        int valid = entry->kind == KIND_CHOICE                                  ? value >= 0 && value < choices
                    : entry->kind == KIND_NUMBER || entry->kind == KIND_INTEGER ? within(entry, value)
                                                                                : 1;
        snprintf(text, sizeof text, "%.10g", value);
        if (!valid) return refuse(entry, text);
    }
    return VT_OK;
}

static vt_status check_best_model(const vt_training_arguments *arguments) {
    if (!arguments->load_best_model_at_end) return VT_OK;
    if (arguments->eval_strategy == VT_STRATEGY_NO)
        return vt_fail(VT_ERROR_USAGE, "load_best_model_at_end needs evaluations to choose by: set eval_strategy to steps or "
                                       "epoch");
    if (arguments->eval_strategy != arguments->save_strategy)
        return vt_fail(VT_ERROR_USAGE,
                       "load_best_model_at_end needs equal eval_strategy and save_strategy, but they are %s and %s",
                       STRATEGIES[arguments->eval_strategy], STRATEGIES[arguments->save_strategy]);
    int64_t interval = vt_eval_interval(arguments);
    if (arguments->eval_strategy == VT_STRATEGY_STEPS && arguments->save_steps % interval != 0)
        return vt_fail(VT_ERROR_USAGE,
                       "load_best_model_at_end needs save_steps to be a multiple of eval_steps, but they are %lld and %lld",
                       (long long)arguments->save_steps, (long long)interval);
    return VT_OK;
}

vt_status vt_training_arguments_check(const vt_training_arguments *arguments) {
    if (!arguments->output_dir[0]) return vt_fail(VT_ERROR_USAGE, "output_dir is missing: the folder to write the run into");
    VT_TRY(check_limits(arguments));
    if (arguments->max_steps == 0)
        return vt_fail(VT_ERROR_USAGE, "max_steps is 0: give a positive number, or -1 to go by num_train_epochs");
    if (arguments->lr_scheduler_type == VT_SCHEDULER_POLYNOMIAL && arguments->lr_scheduler_lr_end >= arguments->learning_rate)
        return vt_fail(VT_ERROR_USAGE, "lr_scheduler_lr_end %g must be smaller than learning_rate %g",
                       arguments->lr_scheduler_lr_end, arguments->learning_rate);
    json_t *object; /* every checkpoint has them as JSON */
    VT_TRY(vt_training_arguments_to_json(arguments, &object));
    json_decref(object);
    return check_best_model(arguments);
}

int64_t vt_eval_interval(const vt_training_arguments *arguments) {
    return arguments->eval_steps > 0 ? arguments->eval_steps : arguments->logging_steps;
}

static json_t *value_json(const vt_training_arguments *arguments, const argument *entry) {
    const char *text;
    switch (entry->kind) {
    case KIND_NUMBER:
        return json_real(load_number(arguments, entry));
    case KIND_FLAG:
        return json_boolean(load_integer(arguments, entry));
    case KIND_TRI_STATE:
        return load_integer(arguments, entry) < 0 ? json_null() : json_boolean(load_integer(arguments, entry));
    case KIND_CHOICE:
        return json_string(entry->choices[load_integer(arguments, entry)]);
    case KIND_TEXT:
        text = const_field(arguments, entry);
        return *text ? json_string(text) : json_null();
    case KIND_RESUME:
        if (!arguments->resume) return json_null();
        text = const_field(arguments, entry);
        return *text ? json_string(text) : json_true();
    case KIND_INTEGER:
        break;
    }
    int64_t value = load_integer(arguments, entry);
    return entry->initial_is_null && value == (int64_t)entry->initial ? json_null() : json_integer(value);
}

vt_status vt_training_arguments_to_json(const vt_training_arguments *arguments, json_t **out) {
    json_t *object = json_object();
    for (int i = 0; object && i < ARGUMENTS; i++)
        if (json_object_set_new(object, TABLE[i].name, value_json(arguments, &TABLE[i])) != 0) {
            json_decref(object);
            return vt_fail(VT_ERROR_INPUT, "argument %s can't be written as JSON: it is not valid UTF-8", TABLE[i].name);
        }
    if (!object) return vt_fail_memory("training_args.json", sizeof *arguments);
    *out = object;
    return VT_OK;
}

vt_status vt_training_arguments_save(const vt_training_arguments *arguments, const char *path) {
    json_t *object;
    VT_TRY(vt_training_arguments_to_json(arguments, &object));
    vt_status status = vt_json_save(path, object);
    json_decref(object);
    return status;
}

vt_status vt_training_arguments_from_json(vt_training_arguments *arguments, const json_t *object, const char *name) {
    for (int i = 0; i < ARGUMENTS; i++) {
        const json_t *value = json_object_get(object, TABLE[i].name);
        char number[64] = "";
        const char *text = number;
        if (!value || json_is_null(value)) continue;
        if (json_is_string(value))
            text = json_string_value(value);
        else if (json_is_boolean(value))
            text = json_is_true(value) ? "true" : "false";
        else if (json_is_integer(value))
            snprintf(number, sizeof number, "%lld", (long long)json_integer_value(value));
        else if (json_is_real(value))
            snprintf(number, sizeof number, "%.17g", json_real_value(value));
        else
            return vt_fail(VT_ERROR_INPUT, "%s: '%s' is a list or an object, expected one value", name, TABLE[i].name);
        if (vt_training_arguments_set(arguments, TABLE[i].name, text) != VT_OK)
            return vt_fail_prefix(VT_ERROR_INPUT, "%s", name);
    }
    return VT_OK;
}

static int same_value(const vt_training_arguments *a, const vt_training_arguments *b, const argument *entry) {
    if (entry->kind == KIND_NUMBER) return load_number(a, entry) == load_number(b, entry);
    if (entry->kind == KIND_TEXT) return strcmp(const_field(a, entry), const_field(b, entry)) == 0;
    return load_integer(a, entry) == load_integer(b, entry);
}

vt_status vt_training_arguments_check_resume(const vt_training_arguments *saved, const vt_training_arguments *now,
                                             const char *checkpoint) {
    char before[256], after[256];
    for (int i = 0; i < ARGUMENTS; i++) {
        const argument *entry = &TABLE[i];
        if (entry->resume == RESUME_FREE || same_value(saved, now, entry)) continue;
        value_text(saved, entry, before, sizeof before);
        value_text(now, entry, after, sizeof after);
        return vt_fail(VT_ERROR_USAGE,
                       "%s: was written with %s %s, but this run has %s; resume with the same value, or train into another "
                       "output_dir",
                       checkpoint, entry->name, *before ? before : "none", *after ? after : "none");
    }
    return VT_OK;
}
