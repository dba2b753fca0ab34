/* Reads a line of augmentation: one table holds the words, what they take and where it goes. */
#include "data/augment/augment_settings.h"

#include "base/names.h"
#include "vitrain/augment.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORD_LIMIT = 128 };

typedef enum word_kind {
    WORD_NUMBER,
    WORD_RANGE,  /* LOW-HIGH */
    WORD_SHARE,  /* LOW-HIGH; LOW alone: up to 1 */
    WORD_AMOUNT, /* AMOUNT: 1 - AMOUNT to 1 + AMOUNT; or LOW-HIGH */
    WORD_ERASE_MODE
} word_kind;

static const struct word {
    const char *name;
    word_kind kind;
    size_t offset;
    double low, high;
    const char *needs;    /* the word without which this one means nothing; NULL: none */
    const char *expected; /* what stands behind the '=' */
} WORDS[] = {
#define TO(member) offsetof(vt_augment_settings, member)
    {"crop", WORD_SHARE, TO(crop), 0.001, 1, NULL, "a share of the area from 0.001 to 1, or two such as 0.35-1.0"},
    {"crop-ratio", WORD_RANGE, TO(crop_ratio), 0.01, 100, "crop", "width / height from 0.01 to 100, such as 0.75-1.33"},
    {"flip", WORD_NUMBER, TO(flip), 0, 1, NULL, "a probability from 0 to 1"},
    {"rotate", WORD_NUMBER, TO(rotate), 0, 180, NULL, "degrees from 0 to 180"},
    {"shift", WORD_NUMBER, TO(shift), 0, 1, NULL, "a share of the sides from 0 to 1"},
    {"brightness", WORD_AMOUNT, TO(brightness), 0, 10, NULL, "an amount from 0 to 10, or factors such as 0.8-1.2"},
    {"contrast", WORD_AMOUNT, TO(contrast), 0, 10, NULL, "an amount from 0 to 10, or factors such as 0.8-1.2"},
    {"gamma", WORD_AMOUNT, TO(gamma), 0, 10, NULL, "an amount from 0 to 10, or exponents such as 0.8-1.2"},
    {"erase", WORD_NUMBER, TO(erase), 0, 1, NULL, "a probability from 0 to 1"},
    {"erase-scale", WORD_RANGE, TO(erase_scale), 0, 1, "erase", "shares of the area from 0 to 1, such as 0.02-0.33"},
    {"erase-ratio", WORD_RANGE, TO(erase_ratio), 0.01, 100, "erase", "height / width from 0.01 to 100, such as 0.3-3.3"},
    {"erase-mode", WORD_ERASE_MODE, TO(erase_mode), 0, 0, "erase", "const, rand or pixel"},
    {"mixup", WORD_NUMBER, TO(mixup), 0, 1000, NULL, "alpha from 0 to 1000"},
    {"cutmix", WORD_NUMBER, TO(cutmix), 0, 1000, NULL, "alpha from 0 to 1000"},
    {"mixup-prob", WORD_NUMBER, TO(mixup_prob), 0, 1, NULL, "a probability from 0 to 1"},
    {"mixup-switch-prob", WORD_NUMBER, TO(mixup_switch_prob), 0, 1, NULL, "a probability from 0 to 1"},
#undef TO
};
enum { WORDS_KNOWN = sizeof WORDS / sizeof *WORDS, RAND = WORDS_KNOWN };

static const char *const ERASE_MODES[] = {"const", "rand", "pixel"};

static vt_status refuse_name(const char *name) {
    char known[512];
    size_t used = 0;
    const char *nearest = WORDS[0].name;
    for (int i = 0; i < WORDS_KNOWN; i++) {
        used += (size_t)snprintf(known + used, sizeof known - used, "%s, ", WORDS[i].name);
        if (vt_edit_distance(name, WORDS[i].name) < vt_edit_distance(name, nearest)) nearest = WORDS[i].name;
    }
    return vt_fail(VT_ERROR_USAGE,
                   "augmentation '%.80s' is unknown; the nearest is '%s', known are %sand rand-..., as in "
                   "rand-m6-mstd0.5-inc1",
                   name, nearest, known);
}

static vt_status refuse_value(const struct word *word, const char *value) {
    return vt_fail(VT_ERROR_USAGE, "augmentation '%s=%.80s': expected %s", word->name, value, word->expected);
}

/* A number from low to high at *at, which moves behind it; NAN if there is none. */
static double parse_number(const struct word *word, const char **at) {
    char *end;
    double value = strspn(*at, "0123456789.") ? strtod(*at, &end) : NAN;
    if (!(value >= word->low && value <= word->high)) return NAN;
    *at = end;
    return value;
}

static vt_status parse_value(const struct word *word, const char *value, vt_augment_settings *out) {
    void *target = (char *)out + word->offset;
    if (word->kind == WORD_ERASE_MODE) {
        for (int mode = 0; mode < 3; mode++)
            if (strcmp(value, ERASE_MODES[mode]) == 0) return *(int *)target = mode, VT_OK;
        return refuse_value(word, value);
    }
    const char *at = value;
    vt_range range;
    range.low = range.high = parse_number(word, &at);
    int alone = *at != '-';
    if (!alone) at++, range.high = parse_number(word, &at);
    if (*at || isnan(range.low) || isnan(range.high) || range.high < range.low) return refuse_value(word, value);
    if (word->kind == WORD_NUMBER) {
        if (!alone) return refuse_value(word, value);
        *(double *)target = range.low;
        return VT_OK;
    }
    if (alone && word->kind == WORD_RANGE) return refuse_value(word, value);
    if (alone && word->kind == WORD_SHARE) range.high = 1;
    if (alone && word->kind == WORD_AMOUNT) range = (vt_range){fmax(0, 1 - range.low), 1 + range.low};
    *(vt_range *)target = range;
    return VT_OK;
}

/* *index = of the word in WORDS, or RAND. */
static vt_status parse_word(char word[WORD_LIMIT], int *index, vt_augment_settings *out) {
    *index = RAND;
    if (strcmp(word, "rand") == 0 || strncmp(word, "rand-", 5) == 0) return vt_rand_parse(word, strlen(word), &out->rand);
    char *equals = strchr(word, '=');
    if (equals) *equals = '\0';
    for (*index = 0; *index < WORDS_KNOWN; ++*index)
        if (strcmp(word, WORDS[*index].name) == 0) break;
    if (*index == WORDS_KNOWN) return refuse_name(word);
    return parse_value(&WORDS[*index], equals ? equals + 1 : "", out);
}

static vt_status check_needs(const int given[WORDS_KNOWN + 1]) {
    for (int i = 0; i < WORDS_KNOWN; i++) {
        if (!given[i] || !WORDS[i].needs) continue;
        int needed = 0;
        while (strcmp(WORDS[needed].name, WORDS[i].needs) != 0) needed++;
        if (!given[needed])
            return vt_fail(VT_ERROR_USAGE, "augmentation '%s' does nothing without '%s'; add '%s=...'", WORDS[i].name,
                           WORDS[i].needs, WORDS[i].needs);
    }
    return VT_OK;
}

vt_status vt_augment_parse(const char *text, vt_augment_settings *out) {
    static const char separators[] = " ,\t\n";
    int given[WORDS_KNOWN + 1] = {0};
    *out = (vt_augment_settings){.crop_ratio = {3.0 / 4.0, 4.0 / 3.0},
                                 .brightness = {1, 1},
                                 .contrast = {1, 1},
                                 .gamma = {1, 1},
                                 .erase_scale = {0.02, 1.0 / 3.0},
                                 .erase_ratio = {0.3, 1.0 / 0.3},
                                 .mixup_prob = 1,
                                 .mixup_switch_prob = 0.5};
    for (const char *at = text ? text : ""; *(at += strspn(at, separators));) {
        char word[WORD_LIMIT];
        int index;
        size_t length = strcspn(at, separators);
        if (length >= sizeof word)
            return vt_fail(VT_ERROR_USAGE, "augmentation '%.80s...': a word has at most %d letters", at, WORD_LIMIT - 1);
        memcpy(word, at, length);
        word[length] = '\0';
        VT_TRY(parse_word(word, &index, out));
        if (given[index]++)
            return vt_fail(VT_ERROR_USAGE, "augmentation '%s' is given twice", index == RAND ? "rand" : WORDS[index].name);
        at += length;
    }
    return check_needs(given);
}

vt_status vt_augment_check(const char *text) {
    vt_augment_settings settings;
    return vt_augment_parse(text, &settings);
}
