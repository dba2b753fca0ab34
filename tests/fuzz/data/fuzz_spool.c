/* The journal of an interrupted `prepare`. An input is laid over the journal that an untouched run leaves, byte by byte
 * (exclusive or; what is longer is appended), so that seeds fit any version's stamps. The first byte says whether checksums are
 * made right again. What a spool that opens says it has can be read. */
#include "scratch.h"

#include "data/prepare/spool.h"
#include <zlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SIDE = 2, ITEMS = 4, RECORD_BYTES = 40, RECORD_LIMIT = 64 };

static vt_item items[ITEMS] = {{.file_name = (char *)"a.png", .file = 0},
                               {.file_name = (char *)"b.png", .file = 1},
                               {.file_name = (char *)"c.png", .file = VT_FILE_ARCHIVED},
                               {.file_name = (char *)"d.png", .file = VT_FILE_ARCHIVED}};
static vt_raw_file loose[2] = {{.key = (char *)"a.png", .container = -1, .bytes = 5, .modified = 7},
                               {.key = (char *)"b.png", .container = -1, .bytes = 6, .modified = 8}};
static vt_container archive = {.path = (char *)"raw/images.tar", .bytes = 512, .modified = 9, .first_file = -1};
static const vt_source source = {.root = "raw",
                                 .items = items,
                                 .count = ITEMS,
                                 .files = {.items = loose, .count = 2, .containers = &archive, .container_count = 1}};
static const uint8_t skip[ITEMS];
static const vt_spool_format format = {.height = SIDE, .width = SIDE};

static uint8_t *journal, *pixels; /* as an untouched run leaves them */
static size_t journal_size, pixels_size;

/* Runs `prepare`'s part once: all of the items, one of them in colour. */
static void make_journal(void) {
    const uint8_t image[SIDE * SIDE * 3] = {1, 2, 3};
    char path[300];
    vt_spool spool;
    if (vt_spool_open(scratch_path(""), &source, skip, &format, &spool) != VT_OK) abort();
    for (size_t i = 0; i < ITEMS; i++)
        if (vt_spool_write(&spool, i, i < 2 ? VT_LOOSE : 0, i == 1 ? 3 : 1, i == 2, image) != VT_OK) abort();
    if (vt_spool_finish(&spool, 0, 3) != VT_OK || vt_spool_sync(&spool) != VT_OK) abort();
    vt_spool_close(&spool);
    snprintf(path, sizeof path, "%s", scratch_path(VT_SPOOL_JOURNAL));
    if (vt_read_file(path, 1 << 16, &journal, &journal_size) != VT_OK || journal_size % RECORD_BYTES != 0) abort();
    snprintf(path, sizeof path, "%s", scratch_path(VT_SPOOL_PIXELS));
    if (vt_read_file(path, 1 << 16, &pixels, &pixels_size) != VT_OK) abort();
}

static void mend(uint8_t *records, size_t size) {
    for (size_t at = 0; at + RECORD_BYTES <= size; at += RECORD_BYTES) {
        uint32_t crc = (uint32_t)crc32(0, records + at + 4, RECORD_BYTES - 4);
        memcpy(records + at, &crc, sizeof crc);
    }
}

static void use(const vt_spool *spool) {
    uint8_t image[SIDE * SIDE * 3];
    int64_t count = 0;
    for (size_t i = 0; i < ITEMS; i++) {
        if ((spool->channels[i] != 0) != (spool->past.origins[i] != VT_NOWHERE)) abort();
        if (spool->channels[i] == 0) continue;
        if (vt_spool_read(spool, i, 3, image) != VT_OK) abort();
        count++;
    }
    if (count != spool->count || spool->past.finished[0] > 1) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    uint8_t changed[RECORD_LIMIT * RECORD_BYTES] = {0};
    vt_spool spool;
    if (size == 0 || size > sizeof changed) return 0;
    if (!journal) make_journal();
    memcpy(changed, journal, journal_size);
    for (size_t i = 1; i < size; i++) changed[i - 1] ^= data[i];
    size_t length = size - 1 > journal_size ? size - 1 : journal_size;
    if (data[0] & 1) mend(changed, length);
    write_scratch(VT_SPOOL_JOURNAL, changed, length);
    write_scratch(VT_SPOOL_PIXELS, pixels, pixels_size);
    if (vt_spool_open(scratch_path(""), &source, skip, &format, &spool) == VT_OK)
        use(&spool);
    else if (!vt_error_message()[0])
        abort();
    vt_spool_close(&spool);
    return 0;
}
