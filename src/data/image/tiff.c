/* TIFF through libtiff, from memory: the first page of a file, as Pillow takes it. libtiff's words come back through handlers
 * and leave as sentences; a warning counts as an error once pixels are read, for then it means lost data. What libtiff can
 * decompress comes in; floating-point, signed and CMYK pixels do not. */
#include "data/image/image_formats.h"

#include "base/memory.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tiffio.h>

enum {
    TILE_SPARE = 2048,                /* by which tiles may be larger than the image */
    CHANNEL_LIMIT = 16,               /* alpha and other extra samples included */
    LIBRARY_MEMORY_LIMIT = 256 << 20, /* of one allocation of libtiff's own */
    SMALL_IMAGE = 1 << 25,            /* samples */
    LZW_LIMIT = 4096 * 8 / 12,        /* a code of 12 bits makes at most 4096 bytes */
    PACKED_BITS_LIMIT = 64            /* two bytes of PackBits make at most 128 */
};

typedef struct tiff_job {
    const vt_encoded_image *in;
    uint64_t position; /* in in->data */
    TIFF *file;
    uint32_t width, height;
    uint16_t bits, channels, photometric, planar, compression; /* as in the file; channels with alpha */
    int kept;                                                  /* channels that are used: 1 or 3 */
    vt_image image;                                            /* up to 8 bits: [height, width, kept] */
    uint16_t *samples;                                         /* 16 bits: [height, width, kept]; owned */
    uint8_t *block;                                            /* a decoded strip or tile; owned */
    bool in_planes;                                            /* a strip or tile holds one channel */
    bool reading;                                              /* pixels */
    char reason[160];                                          /* libtiff's first words; empty: none */
} tiff_job;

/* --- the file in memory --- */

static tmsize_t read_bytes(thandle_t handle, void *out, tmsize_t count) {
    tiff_job *job = handle;
    uint64_t left = job->position < job->in->size ? job->in->size - job->position : 0;
    if (count < 0) return -1;
    uint64_t got = (uint64_t)count < left ? (uint64_t)count : left;
    if (got) memcpy(out, job->in->data + job->position, got);
    job->position += got;
    return (tmsize_t)got;
}

static tmsize_t write_bytes(thandle_t handle, void *data, tmsize_t count) {
    (void)handle;
    (void)data;
    (void)count;
    return -1;
}

static toff_t seek(thandle_t handle, toff_t offset, int whence) {
    tiff_job *job = handle;
    uint64_t base = whence == SEEK_CUR ? job->position : whence == SEEK_END ? job->in->size : 0;
    job->position = base + offset;
    return job->position;
}

static int close_nothing(thandle_t handle) {
    (void)handle;
    return 0;
}

static toff_t size_of_file(thandle_t handle) {
    const tiff_job *job = handle;
    return job->in->size;
}

__attribute__((format(printf, 4, 0))) static int on_error(TIFF *file, void *user, const char *module, const char *format,
                                                          va_list arguments) {
    tiff_job *job = user;
    (void)file;
    (void)module;
    if (!job->reason[0]) vsnprintf(job->reason, sizeof job->reason, format, arguments);
    return 1; /* nothing is printed */
}

/* Without its palette libtiff takes an image for a grey one. */
__attribute__((format(printf, 4, 0))) static int on_warning(TIFF *file, void *user, const char *module, const char *format,
                                                            va_list arguments) {
    tiff_job *job = user;
    char words[sizeof job->reason];
    (void)file;
    (void)module;
    vsnprintf(words, sizeof words, format, arguments);
    if ((job->reading || strstr(words, "ColorMap")) && !job->reason[0]) memcpy(job->reason, words, sizeof words);
    return 1;
}

static vt_status fail_damaged(const tiff_job *job) {
    return vt_fail(VT_ERROR_INPUT, "%s: the TIFF image is damaged: %s", job->in->name,
                   job->reason[0] ? job->reason : "pixels are missing");
}

static vt_status open_file(tiff_job *job) {
    TIFFOpenOptions *options = TIFFOpenOptionsAlloc();
    if (!options) return vt_fail_memory("decoding a TIFF image", 0);
    TIFFOpenOptionsSetMaxSingleMemAlloc(options, LIBRARY_MEMORY_LIMIT);
    TIFFOpenOptionsSetErrorHandlerExtR(options, on_error, job);
    TIFFOpenOptionsSetWarningHandlerExtR(options, on_warning, job);
    job->file = TIFFClientOpenExt(job->in->name, "rm", job, read_bytes, write_bytes, seek, close_nothing, size_of_file, NULL,
                                  NULL, options);
    TIFFOpenOptionsFree(options);
    return job->file && !job->reason[0] ? VT_OK : fail_damaged(job);
}

/* --- what is in it --- */

/* Why the kind of pixels can't be used, or NULL. */
static const char *find_fault(const tiff_job *job, uint16_t format) {
    if (format == SAMPLEFORMAT_IEEEFP) return "has floating-point pixels";
    if (format == SAMPLEFORMAT_INT) return "has pixels with signs";
    if (format != SAMPLEFORMAT_UINT && format != SAMPLEFORMAT_VOID) return "has complex pixels";
    if (job->bits != 1 && job->bits != 2 && job->bits != 4 && job->bits != 8 && job->bits != 16)
        return "has neither 1, 2, 4, 8 nor 16 bits per channel";
    if (job->compression == COMPRESSION_OJPEG) return "is compressed by JPEG as TIFF 6.0 first had it";
    switch (job->photometric) {
    case PHOTOMETRIC_MINISWHITE:
    case PHOTOMETRIC_MINISBLACK:
        return NULL;
    case PHOTOMETRIC_PALETTE:
        return job->bits > 8 ? "has a palette of more than 256 colours" : NULL;
    case PHOTOMETRIC_RGB:
        return job->channels < 3 ? "has fewer than three colours" : NULL;
    case PHOTOMETRIC_YCBCR:
        return job->channels != 3 || job->compression != COMPRESSION_JPEG ? "is in YCbCr, but not as JPEG" : NULL;
    default:
        return "is neither grey, RGB nor of a palette";
    }
}

static vt_status read_layout(tiff_job *job) {
    uint16_t format = SAMPLEFORMAT_UINT;
    TIFF *file = job->file;
    if (!TIFFGetField(file, TIFFTAG_IMAGEWIDTH, &job->width) || !TIFFGetField(file, TIFFTAG_IMAGELENGTH, &job->height) ||
        !TIFFGetField(file, TIFFTAG_PHOTOMETRIC, &job->photometric))
        return vt_fail(VT_ERROR_INPUT, "%s: the TIFF image says neither its size nor its kind of colour", job->in->name);
    TIFFGetFieldDefaulted(file, TIFFTAG_BITSPERSAMPLE, &job->bits);
    TIFFGetFieldDefaulted(file, TIFFTAG_SAMPLESPERPIXEL, &job->channels);
    TIFFGetFieldDefaulted(file, TIFFTAG_PLANARCONFIG, &job->planar);
    TIFFGetFieldDefaulted(file, TIFFTAG_COMPRESSION, &job->compression);
    TIFFGetFieldDefaulted(file, TIFFTAG_SAMPLEFORMAT, &format);
    VT_TRY(vt_image_check_size(job->in->name, job->width, job->height));
    const char *fault = find_fault(job, format);
    if (fault) return vt_fail(VT_ERROR_INPUT, "%s: the TIFF image %s, which can't be used", job->in->name, fault);
    if (job->channels < 1 || job->channels > CHANNEL_LIMIT)
        return vt_fail(VT_ERROR_INPUT, "%s: the TIFF image has %d channels; expected 1 to %d", job->in->name, job->channels,
                       CHANNEL_LIMIT);
    job->kept = job->photometric == PHOTOMETRIC_RGB || job->photometric == PHOTOMETRIC_YCBCR ? 3 : 1;
    if (job->photometric == PHOTOMETRIC_YCBCR) TIFFSetField(file, TIFFTAG_JPEGCOLORMODE, JPEGCOLORMODE_RGB);
    return VT_OK;
}

/* Refuses what so few bytes can't hold before memory is taken for it. Some compressions have no limit of their own; theirs is
 * LZW's, but for images that are small anyway. */
static vt_status check_bytes(const tiff_job *job) {
    uint64_t growth = job->compression == COMPRESSION_NONE       ? 1
                      : job->compression == COMPRESSION_PACKBITS ? PACKED_BITS_LIMIT
                      : job->compression == COMPRESSION_ADOBE_DEFLATE || job->compression == COMPRESSION_DEFLATE
                          ? VT_DEFLATE_LIMIT
                          : LZW_LIMIT;
    uint64_t needed = (uint64_t)job->width * job->channels * job->bits / 8 * job->height;
    uint64_t area = (uint64_t)job->width * job->height;
    if (needed / growth > job->in->size && (growth != LZW_LIMIT || area * job->channels > SMALL_IMAGE))
        return vt_fail(VT_ERROR_INPUT, "%s: the TIFF image is cut off: %zu bytes can't hold %u x %u pixels", job->in->name,
                       job->in->size, job->width, job->height);
    return VT_OK;
}

/* --- pixels --- */

static unsigned sample_at(const uint8_t *row, size_t index, int bits) {
    if (bits == 8) return row[index];
    if (bits == 16) {
        uint16_t sample;
        memcpy(&sample, row + 2 * index, sizeof sample);
        return sample;
    }
    size_t bit = index * (size_t)bits;
    return row[bit / 8] >> (8 - bits - (int)(bit % 8)) & ((1u << bits) - 1);
}

/* Where a strip or tile lies in the image. */
typedef struct tiff_place {
    uint32_t x, y, columns, rows;
    size_t row_bytes; /* of the block */
    int plane;        /* the channel that the block holds; -1: all of them */
} tiff_place;

static void copy_block(tiff_job *job, const tiff_place *place) {
    int first = place->plane < 0 ? 0 : place->plane, end = place->plane < 0 ? job->kept : place->plane + 1;
    for (size_t y = 0; y < place->rows; y++) {
        const uint8_t *row = job->block + y * place->row_bytes;
        size_t to = ((place->y + y) * job->width + place->x) * (size_t)job->kept;
        for (size_t x = 0; x < place->columns; x++, to += (size_t)job->kept)
            for (int c = first; c < end; c++) {
                unsigned sample = sample_at(row, place->plane < 0 ? x * job->channels + (size_t)c : x, job->bits);
                if (job->samples)
                    job->samples[to + (size_t)c] = (uint16_t)sample;
                else
                    job->image.pixels[to + (size_t)c] = (uint8_t)sample;
            }
    }
}

static vt_status read_tiles(tiff_job *job) {
    uint32_t width = 0, height = 0;
    tmsize_t size = TIFFTileSize(job->file), row_bytes = TIFFTileRowSize(job->file);
    TIFFGetField(job->file, TIFFTAG_TILEWIDTH, &width);
    TIFFGetField(job->file, TIFFTAG_TILELENGTH, &height);
    if (size < 1 || row_bytes < 1) return fail_damaged(job);
    VT_TRY(vt_image_check_size(job->in->name, width, height));
    if (width > job->width + TILE_SPARE || height > job->height + TILE_SPARE)
        return vt_fail(VT_ERROR_INPUT, "%s: the TIFF image has tiles of %u x %u pixels, far larger than itself", job->in->name,
                       width, height);
    VT_TRY(vt_allocate(&job->block, (size_t)size, 1, "a tile of an image"));
    for (int plane = 0; plane < (job->in_planes ? job->kept : 1); plane++)
        for (uint32_t y = 0; y < job->height; y += height)
            for (uint32_t x = 0; x < job->width; x += width) {
                tiff_place place = {x, y, width, height, (size_t)row_bytes, job->in_planes ? plane : -1};
                if (place.columns > job->width - x) place.columns = job->width - x;
                if (place.rows > job->height - y) place.rows = job->height - y;
                uint32_t tile = TIFFComputeTile(job->file, x, y, 0, (uint16_t)plane);
                if (TIFFReadEncodedTile(job->file, tile, job->block, size) != size || job->reason[0]) return fail_damaged(job);
                copy_block(job, &place);
            }
    return VT_OK;
}

static vt_status read_strips(tiff_job *job) {
    uint32_t rows = 0;
    TIFFGetFieldDefaulted(job->file, TIFFTAG_ROWSPERSTRIP, &rows);
    if (rows > job->height) rows = job->height;
    tmsize_t size = rows ? TIFFVStripSize(job->file, rows) : 0, row_bytes = TIFFScanlineSize(job->file);
    if (size < 1 || row_bytes < 1) return fail_damaged(job);
    VT_TRY(vt_allocate(&job->block, (size_t)size, 1, "a strip of an image"));
    for (int plane = 0; plane < (job->in_planes ? job->kept : 1); plane++)
        for (uint32_t y = 0; y < job->height; y += rows) {
            tiff_place place = {0, y, job->width, rows, (size_t)row_bytes, job->in_planes ? plane : -1};
            if (place.rows > job->height - y) place.rows = job->height - y;
            uint32_t strip = TIFFComputeStrip(job->file, y, (uint16_t)plane);
            tmsize_t expected = TIFFVStripSize(job->file, place.rows);
            if (TIFFReadEncodedStrip(job->file, strip, job->block, expected) != expected || job->reason[0])
                return fail_damaged(job);
            copy_block(job, &place);
        }
    return VT_OK;
}

static vt_status read_pixels(tiff_job *job) {
    size_t area = (size_t)job->width * job->height;
    job->in_planes = job->planar == PLANARCONFIG_SEPARATE && job->channels > 1;
    VT_TRY(vt_image_allocate((int)job->width, (int)job->height, job->kept, &job->image));
    if (job->bits == 16)
        VT_TRY(vt_allocate(&job->samples, area, (size_t)job->kept * sizeof *job->samples, "an image of 16 bits"));
    job->reading = true;
    return TIFFIsTiled(job->file) ? read_tiles(job) : read_strips(job);
}

/* Colours of 16 bits lose their low byte, as in Pillow. */
static vt_status look_up_colours(tiff_job *job) {
    uint16_t *red, *green, *blue;
    vt_image colours;
    if (!TIFFGetField(job->file, TIFFTAG_COLORMAP, &red, &green, &blue))
        return vt_fail(VT_ERROR_INPUT, "%s: the TIFF image has no palette for its colours", job->in->name);
    VT_TRY(vt_image_allocate((int)job->width, (int)job->height, 3, &colours));
    for (size_t i = 0; i < (size_t)job->width * job->height; i++) {
        uint8_t index = job->image.pixels[i], *to = colours.pixels + 3 * i;
        to[0] = (uint8_t)(red[index] >> 8);
        to[1] = (uint8_t)(green[index] >> 8);
        to[2] = (uint8_t)(blue[index] >> 8);
    }
    vt_image_free(&job->image);
    job->image = colours;
    return VT_OK;
}

/* From samples to bytes from 0, black, to 255. */
static vt_status finish_pixels(tiff_job *job, bool *dim) {
    size_t count = (size_t)job->width * job->height * (size_t)job->kept;
    uint8_t *pixels = job->image.pixels;
    bool inverted = job->photometric == PHOTOMETRIC_MINISWHITE;
    if (job->photometric == PHOTOMETRIC_PALETTE) return look_up_colours(job);
    if (job->bits == 16) {
        for (size_t i = 0; inverted && i < count; i++) job->samples[i] = (uint16_t)(UINT16_MAX - job->samples[i]);
        vt_samples_to_bytes(job->samples, count, UINT16_MAX, job->in->intensity, pixels, dim);
        return VT_OK;
    }
    unsigned step = 255 / ((1u << job->bits) - 1);
    for (size_t i = 0; i < count; i++) pixels[i] = (uint8_t)(inverted ? 255 - pixels[i] * step : pixels[i] * step);
    return VT_OK;
}

static vt_status decode(tiff_job *job, vt_decoded_image *out) {
    uint16_t orientation = 1;
    bool palette;
    VT_TRY(open_file(job));
    VT_TRY(read_layout(job));
    VT_TRY(check_bytes(job));
    VT_TRY(read_pixels(job));
    VT_TRY(finish_pixels(job, &out->facts.dim));
    TIFFGetField(job->file, TIFFTAG_ORIENTATION, &orientation);
    palette = job->photometric == PHOTOMETRIC_PALETTE;
    out->orientation = orientation >= 1 && orientation <= 8 ? orientation : 1;
    out->facts.depth = palette ? 8 : job->bits;
    out->facts.channels = palette ? 3 : job->channels;
    return VT_OK;
}

vt_status vt_tiff_decode(const vt_encoded_image *in, vt_decoded_image *out) {
    tiff_job job = {.in = in};
    *out = (vt_decoded_image){0};
    vt_status status = decode(&job, out);
    if (job.file) TIFFClose(job.file);
    if (status == VT_OK)
        out->image = job.image;
    else
        vt_image_free(&job.image);
    free(job.samples);
    free(job.block);
    return status;
}
