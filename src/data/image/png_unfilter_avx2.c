/* Undoing the row filters of one-byte pixels with AVX2, 32 rows at a time. Along a row each pixel waits for the one before it;
 * along a slanted front none does: with each row one pixel behind the row above, all neighbours of all rows' pixels are known.
 *
 * A vector holds one pixel of every row. Its 128-bit halves are two blocks of 16 rows, the lower one LAG pixels behind, so that
 * the last row of the upper one is in memory before it is needed. Pixels come and go in tiles, 16 of each row, transposed. */
#include "data/image/png_unfilter.h"

#include <immintrin.h>
#include <string.h>

enum { TILE = 16, LAG = 2 * TILE, FILTERS = 5 };

typedef struct wave_front {
    __m256i left, above;     /* pixels of the step before: of this row, and of the row above */
    __m256i filter[FILTERS]; /* all bits set in the rows of each filter */
    int all_paeth;
} wave_front;

/* Transposes the 16 x 16 bytes of both halves: four perfect shuffles of the 256 bytes. */
static inline void transpose(__m256i tile[TILE]) {
    __m256i shuffled[TILE];
    for (int round = 0; round < 4; round++) {
        for (int i = 0; i < TILE / 2; i++) {
            shuffled[2 * i] = _mm256_unpacklo_epi8(tile[i], tile[i + TILE / 2]);
            shuffled[2 * i + 1] = _mm256_unpackhi_epi8(tile[i], tile[i + TILE / 2]);
        }
        memcpy(tile, shuffled, sizeof shuffled);
    }
}

static inline __m256i distance(__m256i a, __m256i b) {
    return _mm256_or_si256(_mm256_subs_epu8(a, b), _mm256_subs_epu8(b, a));
}

static inline __m256i at_least(__m256i a, __m256i b) {
    return _mm256_cmpeq_epi8(_mm256_max_epu8(a, b), a);
}

/* The neighbour nearest to left + above - above_left. Its distance to above_left is the sum of the other two where left and
 * above lie on the same side of above_left (255 stands for more), else their difference. */
static inline __m256i predict_paeth(__m256i left, __m256i above, __m256i above_left) {
    __m256i from_left = distance(above, above_left), from_above = distance(left, above_left);
    __m256i same_side = _mm256_cmpeq_epi8(at_least(above, above_left), at_least(left, above_left));
    __m256i from_above_left =
        _mm256_blendv_epi8(distance(from_left, from_above), _mm256_adds_epu8(from_left, from_above), same_side);
    __m256i nearest = _mm256_blendv_epi8(above_left, above, at_least(from_above_left, from_above));
    return _mm256_blendv_epi8(nearest, left, at_least(_mm256_min_epu8(from_above, from_above_left), from_left));
}

/* What each row's own filter predicts; that of filter 0 is zero. */
static inline __m256i predict(const wave_front *front, __m256i left, __m256i above, __m256i above_left) {
    __m256i odd = _mm256_and_si256(_mm256_xor_si256(left, above), _mm256_set1_epi8(1));
    __m256i average = _mm256_sub_epi8(_mm256_avg_epu8(left, above), odd); /* avg rounds up */
    __m256i near = _mm256_or_si256(_mm256_and_si256(front->filter[1], left), _mm256_and_si256(front->filter[2], above));
    __m256i mixed = _mm256_or_si256(_mm256_and_si256(front->filter[3], average),
                                    _mm256_and_si256(front->filter[4], predict_paeth(left, above, above_left)));
    return _mm256_or_si256(near, mixed);
}

/* Moves the front by 16 pixels: tile[k] holds step k. `line`: the pixels above the blocks' first rows. */
static inline void advance(wave_front *front, __m256i line, int all_paeth, __m256i tile[TILE]) {
    const __m256i backwards = _mm256_broadcastsi128_si256(_mm_setr_epi8(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0));
    __m256i left = front->left, above_left = front->above;
    line = _mm256_shuffle_epi8(line, backwards);
    for (int k = 0; k < TILE; k++) {
        __m256i above = _mm256_alignr_epi8(left, line, 15); /* the row above is one pixel ahead */
        line = _mm256_slli_si256(line, 1);
        __m256i predicted = all_paeth ? predict_paeth(left, above, above_left) : predict(front, left, above, above_left);
        tile[k] = left = _mm256_add_epi8(predicted, tile[k]);
        above_left = above;
    }
    front->left = left;
    front->above = above_left;
}

/* Pixels x - row ... x - row + 15 of a row; those before its first are zeros. */
static inline __m128i load_pixels(const uint8_t *pixels, ptrdiff_t x, int row) {
    uint8_t begin[TILE] = {0};
    if (x >= TILE) return _mm_loadu_si128((const __m128i *)(pixels + x - row));
    if (x == 0) memcpy(begin + row, pixels, (size_t)(TILE - row));
    return _mm_loadu_si128((const __m128i *)begin);
}

static inline void store_pixels(__m128i tile, uint8_t *pixels, ptrdiff_t x, int row, ptrdiff_t width) {
    uint8_t bytes[TILE];
    if (x >= TILE && x + TILE <= width) {
        _mm_storeu_si128((__m128i *)(pixels + x - row), tile);
        return;
    }
    ptrdiff_t begin = x - row < 0 ? 0 : x - row, end = x - row + TILE < width ? x - row + TILE : width;
    _mm_storeu_si128((__m128i *)bytes, tile);
    if (begin < end) memcpy(pixels + begin, bytes + (begin - (x - row)), (size_t)(end - begin));
}

/* Pixels x ... x + 15 of the line above a block: past its ends, anything. */
static inline __m128i load_line(const uint8_t *line, ptrdiff_t x, ptrdiff_t width) {
    return x >= 0 && x < width ? _mm_loadu_si128((const __m128i *)(line + x)) : _mm_setzero_si128();
}

static int begin_rows(wave_front *front, const uint8_t *filtered, size_t stride) {
    uint8_t filters[VT_PNG_WAVE_ROWS];
    *front = (wave_front){.all_paeth = 1};
    for (size_t row = 0; row < VT_PNG_WAVE_ROWS; row++) {
        filters[row] = filtered[row * stride];
        if (filters[row] >= FILTERS) return 0;
        if (filters[row] != 4) front->all_paeth = 0;
    }
    __m256i numbers = _mm256_loadu_si256((const __m256i *)filters);
    for (int filter = 0; filter < FILTERS; filter++)
        front->filter[filter] = _mm256_cmpeq_epi8(numbers, _mm256_set1_epi8((char)filter));
    return 1;
}

/* Steps x ... x + 15 of the upper block, and so much earlier ones of the lower. */
static inline void unfilter_tile(wave_front *front, const uint8_t *filtered, const uint8_t *above, ptrdiff_t width, ptrdiff_t x,
                                 uint8_t *out) {
    const uint8_t *lower_filtered = filtered + TILE * (width + 1);
    uint8_t *lower_out = out + TILE * width;
    __m256i tile[TILE];
    for (int row = 0; row < TILE; row++)
        tile[row] = _mm256_set_m128i(load_pixels(lower_filtered + row * (width + 1) + 1, x - LAG, row),
                                     load_pixels(filtered + row * (width + 1) + 1, x, row));
    transpose(tile);
    __m256i line = _mm256_set_m128i(load_line(lower_out - width, x - LAG, width), load_line(above, x, width));
    if (front->all_paeth)
        advance(front, line, 1, tile);
    else
        advance(front, line, 0, tile);
    transpose(tile);
    for (int row = 0; row < TILE; row++) {
        store_pixels(_mm256_castsi256_si128(tile[row]), out + row * width, x, row, width);
        store_pixels(_mm256_extracti128_si256(tile[row], 1), lower_out + row * width, x - LAG, row, width);
    }
}

int vt_png_unfilter_avx2(const uint8_t *filtered, const uint8_t *above, size_t rows, size_t length, uint8_t *out) {
    ptrdiff_t width = (ptrdiff_t)length;
    for (size_t y = 0; y < rows; y += VT_PNG_WAVE_ROWS) {
        wave_front front;
        if (!begin_rows(&front, filtered, length + 1)) return 0;
        for (ptrdiff_t x = 0; x < width + TILE - 1 + LAG; x += TILE) unfilter_tile(&front, filtered, above, width, x, out);
        above = out + (VT_PNG_WAVE_ROWS - 1) * width;
        filtered += VT_PNG_WAVE_ROWS * (width + 1);
        out += VT_PNG_WAVE_ROWS * width;
    }
    return 1;
}
