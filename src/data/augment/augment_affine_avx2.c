/* Bilinear and bicubic interpolation with AVX2: four pixels at a time, in double precision as Pillow has it. */
#include "data/augment/augment_kernels.h"

#include <immintrin.h>
#include <string.h>

/* Where four pixels come from: the offset of the neighbour above and left of each, and how far beyond it they lie. */
typedef struct places {
    __m128i offset; /* bytes */
    __m256d dx, dy;
} places;

static inline __m256d along(double slope, __m256d x, double part, double shift) {
    __m256d place = _mm256_add_pd(_mm256_mul_pd(_mm256_set1_pd(slope), x), _mm256_set1_pd(part));
    return _mm256_sub_pd(_mm256_add_pd(place, _mm256_set1_pd(shift)), _mm256_set1_pd(0.5));
}

static inline places find_places(const vt_affine_row *row, int x) {
    __m256d at = _mm256_add_pd(_mm256_set1_pd(x), _mm256_setr_pd(0.5, 1.5, 2.5, 3.5));
    __m256d from_x = along(row->slope_x, at, row->row_x, row->shift_x);
    __m256d from_y = along(row->slope_y, at, row->row_y, row->shift_y);
    __m128i left = _mm256_cvttpd_epi32(from_x), top = _mm256_cvttpd_epi32(from_y);
    __m128i pixel = _mm_add_epi32(_mm_mullo_epi32(top, _mm_set1_epi32(row->width)), left);
    return (places){.offset = _mm_mullo_epi32(pixel, _mm_set1_epi32(row->channels)),
                    .dx = _mm256_sub_pd(from_x, _mm256_cvtepi32_pd(left)),
                    .dy = _mm256_sub_pd(from_y, _mm256_cvtepi32_pd(top))};
}

/* 8 bytes from each of four places on. */
static inline __m256i gather(const uint8_t *in, __m128i offset) {
    return _mm256_i32gather_epi64((const long long *)in, offset, 1);
}

/* Byte `index` of each of four words as a double. */
static inline __m256d byte_of(__m256i words, int index) {
    const __m256i magic = _mm256_set1_epi64x(0x4330000000000000); /* 2^52: its lowest bits count units */
    __m256i byte = _mm256_and_si256(_mm256_srl_epi64(words, _mm_cvtsi32_si128(8 * index)), _mm256_set1_epi64x(0xff));
    return _mm256_sub_pd(_mm256_castsi256_pd(_mm256_or_si256(byte, magic)), _mm256_castsi256_pd(magic));
}

static inline __m256d linear(__m256d from, __m256d to, __m256d share) {
    return _mm256_add_pd(from, _mm256_mul_pd(_mm256_sub_pd(to, from), share));
}

static inline __m256d cubic(const __m256d v[4], __m256d d) {
    __m256d difference = _mm256_sub_pd(v[0], v[1]);
    __m256d p2 = _mm256_sub_pd(v[2], v[0]);
    __m256d p3 = _mm256_sub_pd(_mm256_add_pd(_mm256_add_pd(difference, difference), v[2]), v[3]);
    __m256d p4 = _mm256_add_pd(_mm256_sub_pd(_mm256_sub_pd(v[1], v[0]), v[2]), v[3]);
    __m256d inner = _mm256_add_pd(p3, _mm256_mul_pd(d, p4));
    return _mm256_add_pd(v[1], _mm256_mul_pd(d, _mm256_add_pd(p2, _mm256_mul_pd(d, inner))));
}

/* Four pixels as 32-bit words, of which the lowest bytes are the channels. */
static inline __m128i bilinear_pixels(const vt_affine_row *row, int x, int channels) {
    places from = find_places(row, x);
    __m256i above = gather(row->in, from.offset);
    __m256i below = gather(row->in + (size_t)row->width * (size_t)channels, from.offset);
    __m128i pixels = _mm_setzero_si128();
    for (int c = 0; c < channels; c++) {
        __m256d high = linear(byte_of(above, c), byte_of(above, channels + c), from.dx);
        __m256d low = linear(byte_of(below, c), byte_of(below, channels + c), from.dx);
        __m128i value = _mm256_cvttpd_epi32(linear(high, low, from.dy));
        pixels = _mm_or_si128(pixels, _mm_sll_epi32(value, _mm_cvtsi32_si128(8 * c)));
    }
    return pixels;
}

static inline __m128i bicubic_pixels(const vt_affine_row *row, int x, int channels) {
    places from = find_places(row, x);
    const size_t stride = (size_t)row->width * (size_t)channels;
    /* The offset is that of the second of four rows and columns. */
    __m128i first = _mm_sub_epi32(from.offset, _mm_set1_epi32((int)stride + channels));
    __m256i words[4][2];
    for (int i = 0; i < 4; i++)
        for (int half = 0; half < 2; half++) words[i][half] = gather(row->in + (size_t)i * stride + 8 * half, first);
    __m128i pixels = _mm_setzero_si128();
    for (int c = 0; c < channels; c++) {
        __m256d rows[4], values[4];
        for (int i = 0; i < 4; i++) {
            for (int k = 0; k < 4; k++) {
                int byte = k * channels + c;
                values[k] = byte_of(words[i][byte / 8], byte % 8);
            }
            rows[i] = cubic(values, from.dx);
        }
        __m256d value = _mm256_min_pd(_mm256_max_pd(cubic(rows, from.dy), _mm256_setzero_pd()), _mm256_set1_pd(255));
        pixels = _mm_or_si128(pixels, _mm_sll_epi32(_mm256_cvttpd_epi32(value), _mm_cvtsi32_si128(8 * c)));
    }
    return pixels;
}

static inline void store(__m128i pixels, int channels, uint8_t *out) {
    const __m128i grey = _mm_setr_epi8(0, 4, 8, 12, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1);
    const __m128i colour = _mm_setr_epi8(0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, -1, -1, -1, -1);
    uint8_t bytes[16];
    _mm_storeu_si128((__m128i *)bytes, _mm_shuffle_epi8(pixels, channels == 1 ? grey : colour));
    memcpy(out, bytes, channels == 1 ? 4 : 12);
}

int vt_bilinear_span_avx2(const vt_affine_row *row, int begin, int end, uint8_t *out) {
    int x = begin;
    if (row->channels == 1)
        for (; x + 4 <= end; x += 4) store(bilinear_pixels(row, x, 1), 1, out + x);
    else
        for (; x + 4 <= end; x += 4) store(bilinear_pixels(row, x, 3), 3, out + 3 * (size_t)x);
    return x;
}

int vt_bicubic_span_avx2(const vt_affine_row *row, int begin, int end, uint8_t *out) {
    int x = begin;
    if (row->channels == 1)
        for (; x + 4 <= end; x += 4) store(bicubic_pixels(row, x, 1), 1, out + x);
    else
        for (; x + 4 <= end; x += 4) store(bicubic_pixels(row, x, 3), 3, out + 3 * (size_t)x);
    return x;
}
