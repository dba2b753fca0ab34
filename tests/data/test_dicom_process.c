/* A decoder that crashes, ends, or asks for all memory costs one image. The process it runs in is tried with decoders that do
 * just that in GDCM's place. */
#include "support.h"

#include "data/image/dicom_pixels.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifdef VITRAIN_DICOM

#define vt_dicom_decompress decompress_by_stand_in
#define vt_gdcm_decompress  stand_in
vt_status decompress_by_stand_in(const vt_dicom *dicom, const char *name, uint8_t **out);
const char *stand_in(const vt_dicom *dicom, uint8_t *pixels);
#include "data/image/dicom_process.c" // NOLINT(bugprone-suspicious-include)

static enum { WORKS, FAILS, CRASHES, ENDS, TAKES_MEMORY } behaviour;

const char *stand_in(const vt_dicom *dicom, uint8_t *pixels) {
    switch (behaviour) {
    case FAILS:
        return "it says so";
    case CRASHES:
        abort();
    case ENDS:
        _exit(0);
    case TAKES_MEMORY:
        for (size_t taken = 0; taken < (size_t)64 << 30; taken += 64 << 20) {
            char *memory = mmap(NULL, 64 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
            if (memory == MAP_FAILED) return "memory is bounded";
        }
        return "memory is not bounded";
    case WORKS:
        break;
    }
    memset(pixels, 7, vt_dicom_size(dicom));
    return NULL;
}

static void bounds_every_decoder(void **state) {
    (void)state;
    static const char *const words[] = {[FAILS] = "x: the DICOM image is damaged: it says so",
                                        [CRASHES] = "x: the DICOM image is damaged: its decoder crashed on it",
                                        [ENDS] = "x: the DICOM image is damaged: its decoder crashed on it",
                                        [TAKES_MEMORY] = "memory is bounded"};
    const vt_dicom dicom = {.width = 5, .height = 3, .channels = 1, .bits_allocated = 16};
    uint8_t *pixels;
    for (behaviour = FAILS; behaviour <= TAKES_MEMORY; behaviour++) {
        ASSERT_FAILS(VT_ERROR_INPUT, words[behaviour], decompress_by_stand_in(&dicom, "x", &pixels));
        assert_null(pixels);
    }
    behaviour = WORKS;
    ASSERT_OK(decompress_by_stand_in(&dicom, "x", &pixels));
    for (int i = 0; i < 30; i++) assert_int_equal(pixels[i], 7);
    free(pixels);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(bounds_every_decoder)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#else

int main(void) {
    puts("skipped: built without GDCM");
    return 77;
}

#endif
