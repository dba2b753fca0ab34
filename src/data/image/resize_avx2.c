/* The inner loops of resizing with AVX2: eight products of a pixel and a weight at a time. */
#include "data/image/resize_kernels.h"

#include <immintrin.h>

/* The sums of a's, b's, c's and d's eight numbers. */
static inline __m128i sum_each(__m256i a, __m256i b, __m256i c, __m256i d) {
    __m256i sums = _mm256_hadd_epi32(_mm256_hadd_epi32(a, b), _mm256_hadd_epi32(c, d));
    return _mm_add_epi32(_mm256_castsi256_si128(sums), _mm256_extracti128_si256(sums, 1));
}

/* Products of output i's weights with its pixels, added up in eight lanes; weights past the last are zero. */
static inline __m256i products(const uint8_t *in, const vt_resize_axis *axis, int i) {
    const int32_t *weights = axis->weights + (size_t)i * (size_t)axis->taps;
    const uint8_t *pixels = in + axis->firsts[i];
    __m256i sum = _mm256_setzero_si256();
    for (int k = 0; k < axis->counts[i]; k += 8) {
        __m256i pixel = _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)(pixels + k)));
        sum = _mm256_add_epi32(sum, _mm256_mullo_epi32(pixel, _mm256_loadu_si256((const __m256i *)(weights + k))));
    }
    return sum;
}

static void row_grey(const uint8_t *in, const vt_resize_axis *axis, uint8_t *out) {
    const __m128i half = _mm_set1_epi32(1 << (VT_RESIZE_PRECISION_BITS - 1));
    int i = 0;
    for (; i + 4 <= axis->size; i += 4) {
        __m128i sums =
            sum_each(products(in, axis, i), products(in, axis, i + 1), products(in, axis, i + 2), products(in, axis, i + 3));
        sums = _mm_srai_epi32(_mm_add_epi32(sums, half), VT_RESIZE_PRECISION_BITS);
        sums = _mm_packs_epi32(sums, sums);
        _mm_storeu_si32(out + i, _mm_packus_epi16(sums, sums));
    }
    for (; i < axis->size; i++) {
        __m256i sum = products(in, axis, i);
        out[i] = vt_resize_clip((1 << (VT_RESIZE_PRECISION_BITS - 1)) + _mm_cvtsi128_si32(sum_each(sum, sum, sum, sum)));
    }
}

/* Two pixels of three channels at a time: lanes r g b - of each half. */
static void row_colour(const uint8_t *in, const vt_resize_axis *axis, uint8_t *out) {
    const __m128i spread = _mm_setr_epi8(0, 1, 2, -1, 3, 4, 5, -1, -1, -1, -1, -1, -1, -1, -1, -1);
    for (int i = 0; i < axis->size; i++, out += 3) {
        const int32_t *weights = axis->weights + (size_t)i * (size_t)axis->taps;
        const uint8_t *pixels = in + 3 * (size_t)axis->firsts[i];
        __m256i sum = _mm256_setzero_si256();
        for (int k = 0; k < axis->counts[i]; k += 2, pixels += 6) {
            __m256i pixel = _mm256_cvtepu8_epi32(_mm_shuffle_epi8(_mm_loadl_epi64((const __m128i *)pixels), spread));
            __m256i weight = _mm256_inserti128_si256(_mm256_set1_epi32(weights[k]), _mm_set1_epi32(weights[k + 1]), 1);
            sum = _mm256_add_epi32(sum, _mm256_mullo_epi32(pixel, weight));
        }
        __m128i sums = _mm_add_epi32(_mm256_castsi256_si128(sum), _mm256_extracti128_si256(sum, 1));
        sums =
            _mm_srai_epi32(_mm_add_epi32(sums, _mm_set1_epi32(1 << (VT_RESIZE_PRECISION_BITS - 1))), VT_RESIZE_PRECISION_BITS);
        sums = _mm_packs_epi32(sums, sums);
        uint32_t clipped = (uint32_t)_mm_cvtsi128_si32(_mm_packus_epi16(sums, sums));
        out[0] = (uint8_t)clipped;
        out[1] = (uint8_t)(clipped >> 8);
        out[2] = (uint8_t)(clipped >> 16);
    }
}

static void row_avx2(const uint8_t *in, int channels, const vt_resize_axis *axis, uint8_t *out) {
    if (channels == 1)
        row_grey(in, axis, out);
    else
        row_colour(in, axis, out);
}

static void column_avx2(const uint8_t *in, size_t stride, size_t length, const int32_t *weights, int count, uint8_t *out) {
    const __m256i half = _mm256_set1_epi32(1 << (VT_RESIZE_PRECISION_BITS - 1));
    size_t x = 0;
    for (; x + 16 <= length; x += 16) {
        __m256i low = half, high = half;
        for (int k = 0; k < count; k++) {
            __m128i pixels = _mm_loadu_si128((const __m128i *)(in + (size_t)k * stride + x));
            __m256i weight = _mm256_set1_epi32(weights[k]);
            low = _mm256_add_epi32(low, _mm256_mullo_epi32(_mm256_cvtepu8_epi32(pixels), weight));
            high = _mm256_add_epi32(high, _mm256_mullo_epi32(_mm256_cvtepu8_epi32(_mm_srli_si128(pixels, 8)), weight));
        }
        low = _mm256_srai_epi32(low, VT_RESIZE_PRECISION_BITS);
        high = _mm256_srai_epi32(high, VT_RESIZE_PRECISION_BITS);
        /* Packing works within 128-bit halves; the permutation puts the quarters in order. */
        __m256i packed = _mm256_permute4x64_epi64(_mm256_packs_epi32(low, high), 0xd8);
        _mm_storeu_si128((__m128i *)(out + x),
                         _mm_packus_epi16(_mm256_castsi256_si128(packed), _mm256_extracti128_si256(packed, 1)));
    }
    for (; x < length; x++) {
        int32_t sum = 1 << (VT_RESIZE_PRECISION_BITS - 1);
        for (int k = 0; k < count; k++) sum += in[(size_t)k * stride + x] * weights[k];
        out[x] = vt_resize_clip(sum);
    }
}

const vt_resize_kernels vt_resize_kernels_avx2 = {row_avx2, column_avx2};
