/* DICOM files of one image (PS3.10, PS3.5): finds the elements that matter, trusting no length, and has the pixels decoded.
 * Uncompressed files and those of baseline JPEG are read in every build; the other compressions need GDCM. */
#include "data/image/dicom.h"
#include "data/image/dicom_pixels.h"

#include "base/memory.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    PREAMBLE_BYTES = 132, /* with "DICM" */
    DEPTH_LIMIT = 16,     /* of sequences within sequences */
    CUT_BYTES = 24        /* of a text that is quoted */
};

/* Group and element. */
enum {
    TRANSFER_SYNTAX = 0x00020010,
    SAMPLES_PER_PIXEL = 0x00280002,
    PHOTOMETRIC = 0x00280004,
    PLANAR_CONFIGURATION = 0x00280006,
    NUMBER_OF_FRAMES = 0x00280008,
    ROWS = 0x00280010,
    COLUMNS = 0x00280011,
    BITS_ALLOCATED = 0x00280100,
    BITS_STORED = 0x00280101,
    HIGH_BIT = 0x00280102,
    PIXEL_REPRESENTATION = 0x00280103,
    WINDOW_CENTER = 0x00281050,
    WINDOW_WIDTH = 0x00281051,
    RESCALE_INTERCEPT = 0x00281052,
    RESCALE_SLOPE = 0x00281053,
    VOI_LUT_FUNCTION = 0x00281056,
    MODALITY_LUT_SEQUENCE = 0x00283000,
    LUT_DESCRIPTOR = 0x00283002,
    LUT_DATA = 0x00283006,
    VOI_LUT_SEQUENCE = 0x00283010,
    PIXEL_DATA = 0x7fe00010
};
static const uint32_t ITEM = 0xfffee000, ITEM_END = 0xfffee00d, SEQUENCE_END = 0xfffee0dd, UNDEFINED = 0xffffffff;

static const char implicit_little_endian[] = "1.2.840.10008.1.2", explicit_little_endian[] = "1.2.840.10008.1.2.1",
                  jpeg_baseline[] = "1.2.840.10008.1.2.4.50";

typedef struct dicom_reader {
    const vt_encoded_image *in;
    size_t at;
    bool is_implicit; /* elements don't say what kind of value they have */
    vt_dicom *dicom;
} dicom_reader;

typedef struct dicom_element {
    uint32_t tag;
    char kind[3];    /* "US"; empty where elements don't say */
    uint32_t length; /* may be UNDEFINED */
    const uint8_t *value;
} dicom_element;

static unsigned number_16(const uint8_t *bytes) {
    return bytes[0] | (unsigned)bytes[1] << 8;
}

static uint32_t number_32(const uint8_t *bytes) {
    return number_16(bytes) | (uint32_t)number_16(bytes + 2) << 16;
}

static vt_status fail_at(const dicom_reader *reader, const char *what) {
    return vt_fail(VT_ERROR_INPUT, "%s: the DICOM file is damaged at byte %zu: %s", reader->in->name, reader->at, what);
}

static vt_status fail_cut(const dicom_reader *reader) {
    return vt_fail(VT_ERROR_INPUT, "%s: the DICOM file is cut off: what begins at byte %zu ends behind byte %zu",
                   reader->in->name, reader->at, reader->in->size);
}

static bool is_one_of(const char *kind, const char *kinds) {
    for (; *kinds; kinds += 2)
        if (memcmp(kind, kinds, 2) == 0) return true;
    return false;
}

/* Reads an element's head and moves to its value, which ends before `end` if its length is known. */
static vt_status read_head(dicom_reader *reader, size_t end, dicom_element *element) {
    const uint8_t *data = reader->in->data + reader->at;
    size_t head = 8;
    if (end - reader->at < head) return fail_cut(reader);
    *element = (dicom_element){.tag = (uint32_t)number_16(data) << 16 | number_16(data + 2), .length = number_32(data + 4)};
    if (!reader->is_implicit && element->tag >> 16 != ITEM >> 16) {
        memcpy(element->kind, data + 4, 2);
        for (int i = 0; i < 2; i++)
            if (element->kind[i] < 'A' || element->kind[i] > 'Z') return fail_at(reader, "an element of no known kind");
        element->length = number_16(data + 6);
        if (is_one_of(element->kind, "OBODOFOLOVOWSQSVUCUNURUTUV")) {
            head = 12;
            if (end - reader->at < head) return fail_cut(reader);
            element->length = number_32(data + 8);
        }
    }
    if (element->length != UNDEFINED && element->length > end - reader->at - head) return fail_cut(reader);
    reader->at += head;
    element->value = reader->in->data + reader->at;
    return VT_OK;
}

/* --- values --- */

/* text [size] = the first of the values, without blanks around it. */
static void copy_text(const dicom_element *element, char *text, size_t size) {
    size_t first = 0, last = 0;
    const char *value = (const char *)element->value;
    while (last < element->length && value[last] && value[last] != '\\') last++;
    while (first < last && value[first] == ' ') first++;
    while (last > first && value[last - 1] == ' ') last--;
    size_t length = last - first < size - 1 ? last - first : size - 1;
    memcpy(text, value + first, length);
    text[length] = '\0';
}

/* *is_there (NULL allowed) stays where there is no value. */
static vt_status read_decimal(const dicom_reader *reader, const dicom_element *element, double *out, bool *is_there) {
    char text[CUT_BYTES], *end;
    copy_text(element, text, sizeof text);
    if (!*text) return VT_OK;
    *out = strtod(text, &end);
    if (*end || !isfinite(*out))
        return vt_fail(VT_ERROR_INPUT, "%s: the DICOM element (%04x,%04x) is '%s'; expected a number", reader->in->name,
                       (unsigned)(element->tag >> 16), (unsigned)(element->tag & 0xffff), text);
    if (is_there) *is_there = true;
    return VT_OK;
}

static void read_short(const dicom_element *element, int *out) {
    if (element->length >= 2) *out = (int)number_16(element->value);
}

/* An element of the image itself. */
static vt_status take_element(dicom_reader *reader, const dicom_element *element) {
    vt_dicom *dicom = reader->dicom;
    switch (element->tag) {
    case TRANSFER_SYNTAX:
        copy_text(element, dicom->transfer_syntax, sizeof dicom->transfer_syntax);
        break;
    case PHOTOMETRIC:
        copy_text(element, dicom->photometric, sizeof dicom->photometric);
        break;
    case VOI_LUT_FUNCTION:
        copy_text(element, dicom->window_function, sizeof dicom->window_function);
        break;
    case SAMPLES_PER_PIXEL:
        read_short(element, &dicom->channels);
        break;
    case PLANAR_CONFIGURATION:
        read_short(element, &dicom->planar);
        break;
    case ROWS:
        read_short(element, &dicom->height);
        break;
    case COLUMNS:
        read_short(element, &dicom->width);
        break;
    case BITS_ALLOCATED:
        read_short(element, &dicom->bits_allocated);
        break;
    case BITS_STORED:
        read_short(element, &dicom->bits_stored);
        break;
    case HIGH_BIT:
        read_short(element, &dicom->high_bit);
        break;
    case PIXEL_REPRESENTATION:
        read_short(element, &dicom->is_signed);
        break;
    case NUMBER_OF_FRAMES:
        return read_decimal(reader, element, &dicom->frames, NULL);
    case WINDOW_CENTER:
        return read_decimal(reader, element, &dicom->window_center, NULL);
    case WINDOW_WIDTH:
        return read_decimal(reader, element, &dicom->window_width, &dicom->has_window);
    case RESCALE_INTERCEPT:
        return read_decimal(reader, element, &dicom->intercept, NULL);
    case RESCALE_SLOPE:
        return read_decimal(reader, element, &dicom->slope, &dicom->has_rescale);
    default:
        break;
    }
    return VT_OK;
}

/* An element of a look-up table: the descriptor is number of entries, first value, bits. */
static void take_table_element(const dicom_reader *reader, const dicom_element *element, vt_dicom_table *table) {
    if (element->tag == LUT_DESCRIPTOR && element->length >= 6) {
        unsigned first = number_16(element->value + 2);
        bool is_negative = first >> 15 && (reader->dicom->is_signed || memcmp(element->kind, "SS", 2) == 0);
        table->count = number_16(element->value) ? number_16(element->value) : 1u << 16;
        table->first = (int32_t)first - (is_negative ? 1 << 16 : 0);
        table->bits = (int)number_16(element->value + 4);
    } else if (element->tag == LUT_DATA && table->count > 0) {
        table->entry_bytes = element->length >= 2 * table->count ? 2 : 1;
        if (element->length >= table->count) table->data = element->value;
    }
}

/* --- the data set --- */

/* Joins the pieces of compressed pixels. The first item is a table of where frames begin. */
static vt_status read_fragments(dicom_reader *reader) {
    vt_dicom *dicom = reader->dicom;
    size_t end = reader->in->size, first = reader->at, total = 0;
    dicom_element element;
    for (int pass = 0; pass < 2; pass++) {
        reader->at = first;
        dicom->pixel_bytes = 0;
        for (size_t items = 0;; items++) {
            VT_TRY(read_head(reader, end, &element));
            if (element.tag == SEQUENCE_END) break;
            if (element.tag != ITEM || element.length == UNDEFINED) return fail_at(reader, "no piece of compressed pixels");
            if (items > 0 && pass == 1) memcpy(dicom->fragments + dicom->pixel_bytes, element.value, element.length);
            if (items > 0) dicom->pixel_bytes += element.length;
            reader->at += element.length;
        }
        total = dicom->pixel_bytes;
        if (pass == 0) VT_TRY(vt_allocate(&dicom->fragments, total, 1, "an image"));
    }
    dicom->is_compressed = true;
    dicom->pixels = dicom->fragments;
    return VT_OK;
}

static vt_status read_set(dicom_reader *reader, size_t end, bool until_mark, int depth, vt_dicom_table *table);

/* The items of a sequence; the first one may be a look-up table. */
static vt_status read_sequence(dicom_reader *reader, size_t end, const dicom_element *sequence, int depth) {
    vt_dicom *dicom = reader->dicom;
    vt_dicom_table *table = depth > 0                                ? NULL
                            : sequence->tag == MODALITY_LUT_SEQUENCE ? &dicom->modality
                            : sequence->tag == VOI_LUT_SEQUENCE      ? &dicom->voi
                                                                     : NULL;
    bool is_open = sequence->length == UNDEFINED, has_pixels = is_one_of(sequence->kind, "OBOW"); /* of an icon */
    if (depth >= DEPTH_LIMIT) return fail_at(reader, "too many sequences within each other");
    if (!is_open) end = reader->at + sequence->length;
    while (is_open || reader->at < end) {
        dicom_element item;
        VT_TRY(read_head(reader, end, &item));
        if (is_open && item.tag == SEQUENCE_END) break;
        if (item.tag != ITEM) return fail_at(reader, "a sequence with something other than items in it");
        if (has_pixels && item.length != UNDEFINED) {
            reader->at += item.length;
            continue;
        }
        bool until_mark = item.length == UNDEFINED;
        VT_TRY(read_set(reader, until_mark ? end : reader->at + item.length, until_mark, depth + 1, table));
        table = NULL;
    }
    return VT_OK;
}

/* Elements up to `end`, or up to the mark of an item's end, or, of the file's own set, up to the pixels. */
static vt_status read_set(dicom_reader *reader, size_t end, bool until_mark, int depth, vt_dicom_table *table) {
    while (until_mark || reader->at < end) {
        dicom_element element;
        VT_TRY(read_head(reader, end, &element));
        bool is_open = element.length == UNDEFINED, was_implicit = reader->is_implicit;
        if (until_mark && element.tag == ITEM_END) return VT_OK;
        if (depth == 0 && element.tag == PIXEL_DATA) {
            reader->dicom->pixels = element.value;
            reader->dicom->pixel_bytes = element.length;
            return is_open ? read_fragments(reader) : VT_OK;
        }
        if (memcmp(element.kind, "SQ", 2) == 0 || is_open ||
            (was_implicit && (element.tag == MODALITY_LUT_SEQUENCE || element.tag == VOI_LUT_SEQUENCE))) {
            /* A sequence of unknown kind has elements that don't say theirs (PS3.5 6.2.2). */
            if (memcmp(element.kind, "UN", 2) == 0) reader->is_implicit = true;
            VT_TRY(read_sequence(reader, end, &element, depth));
            reader->is_implicit = was_implicit;
            continue;
        }
        if (depth == 0)
            VT_TRY(take_element(reader, &element));
        else if (table)
            take_table_element(reader, &element, table);
        reader->at += element.length;
    }
    return VT_OK;
}

/* The file's own group 0002, which says how the rest is written. */
static vt_status read_transfer_syntax(dicom_reader *reader) {
    dicom_element element;
    while (reader->in->size - reader->at >= 2 && number_16(reader->in->data + reader->at) == 2) {
        VT_TRY(read_head(reader, reader->in->size, &element));
        if (element.length == UNDEFINED) return fail_at(reader, "an element of undefined length");
        VT_TRY(take_element(reader, &element));
        reader->at += element.length;
    }
    const char *syntax = reader->dicom->transfer_syntax;
    reader->is_implicit = strcmp(syntax, implicit_little_endian) == 0;
    bool is_known = reader->is_implicit || strcmp(syntax, explicit_little_endian) == 0 ||
                    strncmp(syntax, "1.2.840.10008.1.2.4.", 20) == 0 || strcmp(syntax, "1.2.840.10008.1.2.5") == 0;
    return is_known ? VT_OK
                    : vt_fail(VT_ERROR_INPUT,
                              "%s: a DICOM file of transfer syntax '%s', which can't be read; expected little endian, JPEG, "
                              "JPEG-LS, JPEG 2000 or RLE",
                              reader->in->name, syntax);
}

/* --- the image --- */

static bool is_usable_table(const vt_dicom_table *table) {
    return !table->data || (table->bits >= 1 && table->bits <= 16);
}

/* Why the image can't be used, or NULL. */
static const char *find_fault(const vt_dicom *dicom) {
    bool is_grey = strncmp(dicom->photometric, "MONOCHROME", 10) == 0;
    bool is_colour = strcmp(dicom->photometric, "RGB") == 0 || strncmp(dicom->photometric, "YBR_", 4) == 0;
    if (!dicom->pixels) return "holds no image";
    if (dicom->frames > 1) return "holds several frames; expected one";
    if (!is_grey && !is_colour) return "is neither grey, RGB nor YBR";
    if (dicom->channels != (is_grey ? 1 : 3)) return "has another number of channels than its kind of colour";
    if (dicom->bits_allocated != 8 && (dicom->bits_allocated != 16 || is_colour))
        return "has neither 8 nor, if grey, 16 bits allocated per pixel";
    if (dicom->bits_stored < 1 || dicom->bits_stored > dicom->bits_allocated || dicom->high_bit >= dicom->bits_allocated ||
        dicom->high_bit + 1 < dicom->bits_stored)
        return "stores more bits than it has room for";
    if (is_colour && dicom->bits_stored != 8) return "is in colour of fewer than 8 bits";
    if (strcmp(dicom->photometric, "YBR_FULL_422") == 0 && strcmp(dicom->transfer_syntax, jpeg_baseline) != 0)
        return "has colours at half the width";
    if (!is_usable_table(&dicom->modality) || !is_usable_table(&dicom->voi)) return "has a look-up table of unusable depth";
    return NULL;
}

static vt_status check_image(const vt_dicom *dicom, const char *name) {
    const char *fault = find_fault(dicom);
    if (fault) return vt_fail(VT_ERROR_INPUT, "%s: the DICOM file %s", name, fault);
    VT_TRY(vt_image_check_size(name, (uint64_t)dicom->width, (uint64_t)dicom->height));
    if (!dicom->is_compressed && dicom->pixel_bytes < vt_dicom_size(dicom))
        return vt_fail(VT_ERROR_INPUT, "%s: the DICOM file has %zu bytes of pixels; expected %zu for %d x %d", name,
                       dicom->pixel_bytes, vt_dicom_size(dicom), dicom->width, dicom->height);
    return VT_OK;
}

/* Baseline JPEG needs no library beyond the one for JPEG files; its colours come back as RGB. */
static vt_status decode_jpeg(vt_dicom *dicom, const vt_encoded_image *in, uint8_t **pixels) {
    vt_encoded_image frame = {.data = dicom->pixels, .size = dicom->pixel_bytes, .name = in->name};
    vt_decoded_image decoded;
    VT_TRY(vt_jpeg_decode(&frame, &decoded));
    vt_image *image = &decoded.image;
    if (image->width != dicom->width || image->height != dicom->height || image->channels != dicom->channels ||
        dicom->bits_allocated != 8) {
        vt_image_free(image);
        return vt_fail(VT_ERROR_INPUT, "%s: the DICOM image is damaged: its pixels have another size than it says", in->name);
    }
    if (image->channels == 3) memcpy(dicom->photometric, "RGB", 4);
    *pixels = image->pixels;
    return VT_OK;
}

static vt_status decode(vt_dicom *dicom, const vt_encoded_image *in, vt_decoded_image *out) {
    uint8_t *pixels = NULL;
    bool is_rgb = strcmp(dicom->photometric, "RGB") == 0;
    vt_status status = VT_OK;
    VT_TRY(check_image(dicom, in->name));
    if (dicom->is_compressed && strcmp(dicom->transfer_syntax, jpeg_baseline) == 0 && !is_rgb)
        VT_TRY(decode_jpeg(dicom, in, &pixels));
    else if (dicom->is_compressed)
        VT_TRY(vt_dicom_decompress(dicom, in->name, &pixels));
    VT_TRY_GOTO(vt_image_allocate(dicom->width, dicom->height, dicom->channels, &out->image));
    VT_TRY_GOTO(vt_dicom_show(dicom, in->name, pixels ? pixels : dicom->pixels, out->image.pixels));
    out->facts = (vt_image_facts){.depth = dicom->bits_stored, .channels = dicom->channels};
done:
    free(pixels);
    if (status != VT_OK) vt_image_free(&out->image);
    return status;
}

vt_status vt_dicom_decode(const vt_encoded_image *in, vt_decoded_image *out) {
    vt_dicom dicom = {.channels = 1, .slope = 1.0, .high_bit = -1};
    dicom_reader reader = {.in = in, .at = PREAMBLE_BYTES, .dicom = &dicom};
    *out = (vt_decoded_image){.orientation = 1};
    vt_status status = read_transfer_syntax(&reader);
    if (status == VT_OK) status = read_set(&reader, in->size, false, 0, NULL);
    if (dicom.high_bit < 0) dicom.high_bit = dicom.bits_stored - 1;
    if (status == VT_OK) status = decode(&dicom, in, out);
    free(dicom.fragments);
    return status;
}
