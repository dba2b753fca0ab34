/* The usual PNG, 8 bits per channel, not interlaced, without a palette, several times as fast as libpng decodes it: the whole
 * file is in memory, so its data are inflated in one go, and rows are unfiltered many at a time. Promises the pixels of
 * vt_png_decode(), or none: whatever is unusual, damaged or doubtful here is left to it, so that one place judges and has the
 * words.
 *
 * One known difference: ISA-L takes incomplete sets of distance codes where zlib refuses them. No encoder writes them. */
#include "data/image/image_formats.h"
#include "data/image/png_unfilter.h"

#include "base/memory.h"
#include <isa-l/igzip_lib.h>
#include <libdeflate.h>
#include <stdlib.h>
#include <string.h>

enum {
    IHDR_SIZE = 13,
    CHUNK_OVERHEAD = 12,         /* length, type and checksum, four bytes each */
    ANCILLARY_LIMIT = 1 << 20,   /* libpng refuses chunks of 8,000,000 bytes, or as it was built */
    DEFLATE_WINDOW_LIMIT = 32768 /* bytes */
};

typedef struct png_layout {
    int width, height;
    int channels, pixel_bytes; /* colours alone, and with alpha */
    size_t row_bytes;          /* without the filter's number */
    size_t filtered_size;      /* all rows with their filters' numbers */
} png_layout;

typedef struct png_chunk {
    const uint8_t *type; /* [4] */
    const uint8_t *data; /* [size] */
    size_t size;
} png_chunk;

static uint32_t read_number(const uint8_t *bytes) {
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

static int is_type(const png_chunk *chunk, const char *type) {
    return memcmp(chunk->type, type, 4) == 0;
}

/* The chunk at *at, which moves behind it; 0 if it is cut off or its checksum is wrong. */
static int next_chunk(const uint8_t *file, size_t size, size_t *at, png_chunk *chunk) {
    size_t left = size - *at;
    if (left < CHUNK_OVERHEAD) return 0;
    *chunk = (png_chunk){file + *at + 4, file + *at + 8, read_number(file + *at)};
    if (chunk->size > left - CHUNK_OVERHEAD) return 0;
    *at += CHUNK_OVERHEAD + chunk->size;
    return libdeflate_crc32(0, chunk->type, 4 + chunk->size) == read_number(chunk->data + chunk->size);
}

/* Whether the chunk has no say in the pixels, and libpng passes over it. Those that do are transparency and orientation. */
static int is_ignorable(const png_chunk *chunk) {
    for (int i = 0; i < 4; i++) {
        int letter = chunk->type[i] | 0x20, is_lower = chunk->type[i] & 0x20;
        if (letter < 'a' || letter > 'z') return 0;
        if ((i == 0 && !is_lower) || (i == 2 && is_lower)) return 0; /* critical; reserved */
    }
    return chunk->size <= ANCILLARY_LIMIT && !is_type(chunk, "tRNS") && !is_type(chunk, "eXIf");
}

static int read_layout(const png_chunk *header, png_layout *layout) {
    enum { DEPTH = 8, COLOUR, COMPRESSION, FILTERS, INTERLACE };
    static const struct {
        int channels, pixel_bytes;
    } kinds[] = {[0] = {1, 1}, [2] = {3, 3}, [4] = {1, 2}, [6] = {3, 4}}; /* by PNG's number of the kind of colour */
    if (!is_type(header, "IHDR") || header->size != IHDR_SIZE) return 0;
    const uint8_t *data = header->data;
    if (data[DEPTH] != 8 || data[COMPRESSION] != 0 || data[FILTERS] != 0 || data[INTERLACE] != 0) return 0;
    if (data[COLOUR] >= sizeof kinds / sizeof kinds[0] || kinds[data[COLOUR]].channels == 0) return 0;
    uint32_t width = read_number(data), height = read_number(data + 4);
    if (vt_image_check_size("", width, height) != VT_OK) return 0;
    layout->width = (int)width;
    layout->height = (int)height;
    layout->channels = kinds[data[COLOUR]].channels;
    layout->pixel_bytes = kinds[data[COLOUR]].pixel_bytes;
    layout->row_bytes = (size_t)width * (size_t)layout->pixel_bytes;
    layout->filtered_size = (layout->row_bytes + 1) * height;
    return 1;
}

/* Checks all chunks, and joins the data of the IDAT chunks into `stream` [size]. */
static int read_chunks(const uint8_t *file, size_t size, png_layout *layout, uint8_t *stream, size_t *stream_size) {
    enum { BEFORE_DATA, IN_DATA, BEHIND_DATA } place = BEFORE_DATA;
    static const uint8_t signature[8] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
    size_t at = sizeof signature;
    png_chunk chunk;
    *stream_size = 0;
    if (size < at || memcmp(file, signature, at) != 0) return 0;
    if (!next_chunk(file, size, &at, &chunk) || !read_layout(&chunk, layout)) return 0;
    while (next_chunk(file, size, &at, &chunk)) {
        if (is_type(&chunk, "IDAT")) {
            if (place == BEHIND_DATA) return 0;
            place = IN_DATA;
            memcpy(stream + *stream_size, chunk.data, chunk.size);
            *stream_size += chunk.size;
        } else if (is_type(&chunk, "IEND")) {
            return place != BEFORE_DATA && chunk.size == 0;
        } else if (!is_ignorable(&chunk)) {
            return 0;
        } else if (place == IN_DATA) {
            place = BEHIND_DATA;
        }
    }
    return 0;
}

/* Data stored without compression grow by 11 bytes or more, and a little above that libpng limits a chunk. Longer streams, and
 * windows that zlib would hold the stream to but ISA-L doesn't, are not for us. */
static int stream_is_usual(const uint8_t *stream, size_t size, const png_layout *layout) {
    if (size < 2 || size > layout->filtered_size + 11 || layout->filtered_size / VT_DEFLATE_LIMIT > size) return 0;
    size_t window = (size_t)256 << (stream[0] >> 4);
    return window >= DEFLATE_WINDOW_LIMIT || window >= layout->filtered_size;
}

/* Inflates to exactly layout->filtered_size bytes, using up the stream. `filtered` has room for one byte more, by which a
 * longer stream is told. */
static int inflate_rows(const uint8_t *stream, size_t size, const png_layout *layout, uint8_t *filtered) {
    struct inflate_state *state = NULL;
    if (size > UINT32_MAX || layout->filtered_size >= UINT32_MAX) return 0;
    if (vt_allocate(&state, 1, sizeof *state, "inflating") != VT_OK) return 0;
    isal_inflate_init(state);
    state->crc_flag = ISAL_ZLIB;
    state->next_in = (uint8_t *)stream;
    state->avail_in = (uint32_t)size;
    state->next_out = filtered;
    state->avail_out = (uint32_t)layout->filtered_size + 1;
    int done = isal_inflate(state) == ISAL_DECOMP_OK && state->block_state == ISAL_BLOCK_FINISH &&
               state->total_out == layout->filtered_size && state->avail_in == 0 && state->read_in_length < 8;
    free(state);
    return done;
}

static int unfilter_grey(const uint8_t *filtered, const uint8_t *above, const png_layout *layout, uint8_t *out) {
    size_t rows = (size_t)layout->height, length = layout->row_bytes, done = 0;
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2")) {
        done = rows - rows % VT_PNG_WAVE_ROWS;
        if (!vt_png_unfilter_avx2(filtered, above, done, length, out)) return 0;
        if (done) above = out + (done - 1) * length;
    }
#endif
    return vt_png_unfilter(filtered + done * (length + 1), above, rows - done, length, 1, out + done * length);
}

/* pixels [count, channels + 1] -> out [count, channels] */
static void drop_alpha(const uint8_t *pixels, size_t count, int channels, uint8_t *out) {
    if (channels == 1)
        for (size_t i = 0; i < count; i++) out[i] = pixels[2 * i];
    else
        for (size_t i = 0; i < count; i++) memcpy(out + 3 * i, pixels + 4 * i, 3);
}

static int unfilter(uint8_t *filtered, const uint8_t *above, const png_layout *layout, uint8_t *out) {
    size_t rows = (size_t)layout->height;
    if (layout->pixel_bytes == 1) return unfilter_grey(filtered, above, layout, out);
    if (layout->pixel_bytes == layout->channels)
        return vt_png_unfilter(filtered, above, rows, layout->row_bytes, layout->pixel_bytes, out);
    if (!vt_png_unfilter(filtered, above, rows, layout->row_bytes, layout->pixel_bytes, filtered)) return 0;
    drop_alpha(filtered, rows * (size_t)layout->width, layout->channels, out);
    return 1;
}

static int decode_rows(const uint8_t *stream, size_t size, const png_layout *layout, vt_image *out) {
    uint8_t *rows = NULL; /* the zeros above the image, its filtered rows, and slack */
    size_t bytes = layout->row_bytes + layout->filtered_size + VT_PNG_WAVE_SLACK, capacity = 0;
    if (!stream_is_usual(stream, size, layout)) return 0;
    if (vt_grow(&rows, &capacity, bytes, 1, "rows of an image") != VT_OK)
        return 0; /* unlike vt_allocate(), it zeroes nothing */
    memset(rows, 0, layout->row_bytes);
    uint8_t *filtered = rows + layout->row_bytes;
    int done = inflate_rows(stream, size, layout, filtered) &&
               vt_image_allocate(layout->width, layout->height, layout->channels, out) == VT_OK;
    if (done && !unfilter(filtered, rows, layout, out->pixels)) {
        vt_image_free(out);
        done = 0;
    }
    free(rows);
    return done;
}

int vt_png_decode_fast(const vt_encoded_image *in, vt_decoded_image *out) {
    png_layout layout;
    uint8_t *stream = NULL; /* [in->size]: as much as there can be */
    size_t stream_size, capacity = 0;
    *out = (vt_decoded_image){.orientation = 1};
    if (vt_grow(&stream, &capacity, in->size, 1, "a PNG image") != VT_OK) return 0;
    int done = read_chunks(in->data, in->size, &layout, stream, &stream_size) &&
               decode_rows(stream, stream_size, &layout, &out->image);
    if (done) out->facts = (vt_image_facts){.depth = 8, .channels = layout.pixel_bytes};
    free(stream);
    return done;
}
