/* Every operation of augmentation, for given parameters, equals Pillow's, torchvision's or timm's in every bit; on images of
 * odd sizes, grey and coloured. */
#include "support.h"

#include "data/augment/augment_ops.h"
#include "data/image/resize.h"
#include <math.h>
#include <zlib.h>

enum { SIDE_LIMIT = 128, IMAGE_LIMIT = 3 * SIDE_LIMIT * SIDE_LIMIT, WORDS_LIMIT = 16 };

/* The inputs of tools/golden/augment.py. */
static void fill(uint8_t *pixels, size_t count, const char *pattern) {
    uint32_t state = 12345;
    for (size_t i = 0; i < count; i++) {
        state = (state * 1103515245u + 12345u) & 0x7fffffffu;
        uint8_t level = (uint8_t)(state >> 16);
        pixels[i] = pattern[0] == 'n'   ? level
                    : pattern[0] == 'd' ? (uint8_t)(40 + level / 2)
                    : pattern[0] == 'f' ? 77
                                        : (uint8_t)(i / 7 % 5 * 50);
    }
}

/* Memory of exactly the image's size, so that sanitizers see every step outside. */
static vt_frame make_frame(char **words) {
    vt_frame frame = {.width = atoi(words[2]), .height = atoi(words[3]), .channels = (int)strlen(words[1])};
    size_t count = (size_t)frame.width * (size_t)frame.height * (size_t)frame.channels;
    frame.pixels = malloc(count);
    frame.spare = malloc(count);
    assert_true(frame.pixels && frame.spare);
    fill(frame.pixels, count, words[4]);
    return frame;
}

/* The frame becomes a resized crop of itself. */
static void crop(vt_frame *frame, char **words) {
    vt_box box = {atoi(words[5]), atoi(words[6]), atoi(words[7]), atoi(words[8])};
    int width = atoi(words[9]), height = atoi(words[10]), channels = frame->channels;
    vt_resample filter = (vt_resample)atoi(words[11]);
    size_t stride = (size_t)frame->width * (size_t)channels;
    vt_resize_plan plan;
    void *memory = malloc(vt_resize_plan_size(frame->width, frame->height, width, height, filter));
    void *work = malloc(vt_resize_work_size(frame->width, frame->height, width, height, channels));
    uint8_t *out = malloc((size_t)(width * height * channels));
    assert_true(memory && work && out);
    vt_resize_plan_make(&plan, box.width, box.height, width, height, channels, filter, memory);
    vt_resize_by_plan(&plan, frame->pixels + (size_t)box.top * stride + (size_t)(box.left * channels), stride, work, out);
    free(memory);
    free(work);
    free(frame->pixels);
    free(frame->spare);
    *frame = (vt_frame){width, height, channels, out, NULL};
}

static void perform(vt_frame *frame, char **words) {
    if (strcmp(words[0], "crop") == 0) {
        crop(frame, words);
    } else if (strcmp(words[0], "flip") == 0) {
        vt_flip(frame);
    } else if (strcmp(words[0], "turn") == 0) {
        double matrix[6];
        vt_affine_turn(frame->width, frame->height, atof(words[5]), atoi(words[6]), atoi(words[7]), matrix);
        vt_affine(frame, matrix, VT_RESAMPLE_BILINEAR, 0);
    } else if (strcmp(words[0], "tones") == 0) {
        vt_tones(frame, atof(words[5]), atof(words[6]), atof(words[7]));
    } else {
        vt_rand_augment rand = {.increasing = atoi(words[6])};
        vt_rand_kind kind = (vt_rand_kind)atoi(words[5]);
        double argument = vt_rand_argument(&rand, kind, atof(words[7]), atoi(words[8]));
        vt_rand_apply(frame, &(vt_rand_step){kind, argument, (vt_resample)atoi(words[9])});
    }
}

static void check_cutmix(char **words) {
    vt_mix mix = {0};
    vt_mix_place_box(atoi(words[2]), atoi(words[3]), atof(words[5]), atoi(words[6]), atoi(words[7]), &mix);
    assert_int_equal(mix.top, atoi(words[8]));
    assert_int_equal(mix.left, atoi(words[9]));
    assert_int_equal(mix.bottom, atoi(words[10]));
    assert_int_equal(mix.right, atoi(words[11]));
    assert_true(mix.weight == (float)atof(words[12]));
}

static void equal_the_references(void **state) {
    (void)state;
    FILE *file = fopen(golden_path("augment.txt"), "r");
    assert_non_null(file);
    char line[1024], shown[1024];
    int cases = 0, wrong = 0;
    while (fgets(line, sizeof line, file)) {
        if (line[0] == '#') continue;
        snprintf(shown, sizeof shown, "%s", line);
        char *words[WORDS_LIMIT], *rest = NULL;
        int count = 0;
        for (char *word = strtok_r(line, " \n", &rest); word && count < WORDS_LIMIT; word = strtok_r(NULL, " \n", &rest))
            words[count++] = word;
        cases++;
        if (strcmp(words[0], "cutmix") == 0) {
            check_cutmix(words);
            continue;
        }
        vt_frame frame = make_frame(words);
        perform(&frame, words);
        size_t size = (size_t)frame.width * (size_t)frame.height * (size_t)frame.channels;
        if (crc32(0, frame.pixels, (uInt)size) != strtoul(words[count - 1], NULL, 16)) {
            print_message("differs: %s", shown);
            wrong++;
        }
        free(frame.pixels);
        free(frame.spare);
    }
    fclose(file);
    assert_int_equal(wrong, 0);
    assert_true(cases > 1000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_the_references),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
