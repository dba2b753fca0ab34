/* The header of a .npy array, as numpy.lib.format has it: a magic, a version, a length, and a Python dictionary of 'descr',
 * 'fortran_order' and 'shape'. Only what NumPy itself writes for arrays of numbers is understood. */
#include "formats/npz.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

typedef struct npy_text {
    const char *start, *at, *end;
    const char *name;
} npy_text;

static vt_status fail_text(const npy_text *text, const char *expected) {
    return vt_fail(VT_ERROR_INPUT, "%s: byte %zu of its header's dictionary: expected %s", text->name,
                   (size_t)(text->at - text->start), expected);
}

static void skip_blanks(npy_text *text) {
    while (text->at < text->end && (*text->at == ' ' || *text->at == '\n')) text->at++;
}

/* Moves past `mark` and the blanks before it. */
static bool take(npy_text *text, const char *mark) {
    size_t length = strlen(mark);
    skip_blanks(text);
    if ((size_t)(text->end - text->at) < length || memcmp(text->at, mark, length) != 0) return false;
    text->at += length;
    return true;
}

/* A quoted string without escapes. */
static vt_status take_string(npy_text *text, char *out, size_t size) {
    skip_blanks(text);
    char quote = text->at < text->end ? *text->at : '\0';
    if (quote != '\'' && quote != '"') return fail_text(text, "a quoted string");
    const char *close = memchr(text->at + 1, quote, (size_t)(text->end - text->at - 1));
    if (!close) return fail_text(text, "a string with its closing quote");
    size_t length = (size_t)(close - text->at - 1);
    if (length >= size || memchr(text->at, '\0', length)) return fail_text(text, "a short string");
    memcpy(out, text->at + 1, length);
    out[length] = '\0';
    text->at = close + 1;
    return VT_OK;
}

static vt_status take_integer(npy_text *text, int64_t *out) {
    const char *first = text->at;
    int64_t value = 0;
    for (; text->at < text->end && *text->at >= '0' && *text->at <= '9'; text->at++)
        if (__builtin_mul_overflow(value, 10, &value) || __builtin_add_overflow(value, *text->at - '0', &value))
            return fail_text(text, "a size below 2^63");
    *out = value;
    return text->at > first ? VT_OK : fail_text(text, "a size");
}

/* "(3, 28, 28)", "(3,)" or "()". */
static vt_status take_shape(npy_text *text, vt_npy_header *header) {
    if (!take(text, "(")) return fail_text(text, "a shape in parentheses");
    while (!take(text, ")")) {
        if (header->rank == VT_NPY_RANK_LIMIT) return fail_text(text, "at most eight sizes");
        VT_TRY(take_integer(text, &header->shape[header->rank++]));
        bool comma = take(text, ",");
        skip_blanks(text);
        bool closing = text->at < text->end && *text->at == ')';
        if (!comma && (!closing || header->rank == 1)) return fail_text(text, "a comma");
    }
    return VT_OK;
}

static vt_status take_order(npy_text *text) {
    if (take(text, "True"))
        return vt_fail(VT_ERROR_UNSUPPORTED,
                       "%s: its values lie in Fortran order; save the array as numpy.ascontiguousarray(array)", text->name);
    return take(text, "False") ? VT_OK : fail_text(text, "True or False");
}

/* "<f4", "|u1", ... */
static vt_status take_type(npy_text *text, vt_npy_header *header) {
    static const char kinds[] = "buif";
    char type[64] = "";
    if (!take(text, "[")) VT_TRY(take_string(text, type, sizeof type)); /* [...]: records */
    const char *kind = strlen(type) == 3 ? strchr(kinds, type[1]) : NULL;
    int size = kind ? type[2] - '0' : 0;
    bool known = kind && (*kind == 'b' ? size == 1 : size == 4 || size == 8 || (*kind != 'f' && (size == 1 || size == 2)));
    if (known && type[0] == '>' && size > 1)
        return vt_fail(VT_ERROR_UNSUPPORTED, "%s: its values are big-endian ('%s'); save the array as array.astype('<%s')",
                       text->name, type, type + 1);
    if (!known || !strchr("<>|", type[0]))
        return vt_fail(VT_ERROR_UNSUPPORTED,
                       "%s: its values are of type %s; expected booleans, integers, or floats of 32 or 64 bits", text->name,
                       *type ? type : "record");
    header->kind = (vt_npy_kind)(kind - kinds);
    header->item_size = size;
    return VT_OK;
}

static vt_status parse_dictionary(npy_text *text, vt_npy_header *header) {
    static const char *const keys[] = {"descr", "fortran_order", "shape"};
    bool seen[3] = {false};
    if (!take(text, "{")) return fail_text(text, "'{'");
    while (!take(text, "}")) {
        char key[16];
        int which = 0;
        VT_TRY(take_string(text, key, sizeof key));
        while (which < 3 && strcmp(keys[which], key) != 0) which++;
        if (which == 3 || seen[which]) return fail_text(text, "'descr', 'fortran_order' and 'shape', each once");
        seen[which] = true;
        if (!take(text, ":")) return fail_text(text, "':'");
        VT_TRY(which == 0 ? take_type(text, header) : which == 1 ? take_order(text) : take_shape(text, header));
        bool comma = take(text, ",");
        skip_blanks(text);
        if (!comma && (text->at == text->end || *text->at != '}')) return fail_text(text, "a comma");
    }
    if (!seen[0] || !seen[1] || !seen[2]) return fail_text(text, "'descr', 'fortran_order' and 'shape', each once");
    skip_blanks(text);
    return text->at == text->end ? VT_OK : fail_text(text, "the end of the header");
}

vt_status vt_npy_header_bytes(const void *prefix, const char *name, size_t *bytes) {
    const uint8_t *p = prefix;
    if (memcmp(p, "\x93NUMPY", 6) != 0) return vt_fail(VT_ERROR_INPUT, "%s: does not begin as a .npy array does", name);
    if (p[6] < 1 || p[6] > 3 || p[7] != 0)
        return vt_fail(VT_ERROR_UNSUPPORTED, "%s: version %d.%d of .npy; expected 1.0, 2.0 or 3.0", name, p[6], p[7]);
    size_t length = p[6] == 1 ? 10 + (size_t)(p[8] | p[9] << 8)
                              : 12 + (p[8] | (size_t)p[9] << 8 | (size_t)p[10] << 16 | (size_t)p[11] << 24);
    if (length < VT_NPY_PREFIX || length > VT_NPY_HEADER_LIMIT)
        return vt_fail(VT_ERROR_INPUT, "%s: its header claims to have %zu bytes; expected %d to %d", name, length,
                       VT_NPY_PREFIX, VT_NPY_HEADER_LIMIT);
    *bytes = length;
    return VT_OK;
}

vt_status vt_npy_parse_header(const void *data, size_t size, const char *name, vt_npy_header *header) {
    const char *bytes = data;
    size_t length;
    int64_t total;
    *header = (vt_npy_header){0};
    if (size < VT_NPY_PREFIX) return vt_fail(VT_ERROR_INPUT, "%s: is too short for a .npy array", name);
    VT_TRY(vt_npy_header_bytes(data, name, &length));
    if (size < length) return vt_fail(VT_ERROR_INPUT, "%s: ends within its header", name);
    const char *start = bytes + (bytes[6] == 1 ? 10 : 12);
    npy_text text = {.start = start, .at = start, .end = bytes + length, .name = name};
    VT_TRY(parse_dictionary(&text, header));
    header->count = 1;
    bool too_large = false;
    for (int i = 0; i < header->rank; i++)
        too_large = too_large || __builtin_mul_overflow(header->count, header->shape[i], &header->count);
    if (too_large || __builtin_mul_overflow(header->count, header->item_size, &total))
        return vt_fail(VT_ERROR_INPUT, "%s: its shape has more than 2^63 bytes", name);
    return VT_OK;
}

const char *vt_npy_type_name(const vt_npy_header *header) {
    static const char *const names[4][9] = {{[1] = "bool"},
                                            {[1] = "uint8", [2] = "uint16", [4] = "uint32", [8] = "uint64"},
                                            {[1] = "int8", [2] = "int16", [4] = "int32", [8] = "int64"},
                                            {[4] = "float32", [8] = "float64"}};
    return names[header->kind][header->item_size];
}

void vt_npy_shape_text(const vt_npy_header *header, char text[VT_NPY_SHAPE_TEXT]) {
    int used = snprintf(text, VT_NPY_SHAPE_TEXT, "(");
    for (int i = 0; i < header->rank; i++)
        used += snprintf(text + used, (size_t)(VT_NPY_SHAPE_TEXT - used), "%s%lld", i ? ", " : "", (long long)header->shape[i]);
    snprintf(text + used, (size_t)(VT_NPY_SHAPE_TEXT - used), header->rank == 1 ? ",)" : ")");
}

/* A little-endian number of `size` bytes. */
static uint64_t read_bits(const uint8_t *item, int size) {
    uint64_t bits = 0;
    for (int i = 0; i < size; i++) bits |= (uint64_t)item[i] << (8 * i);
    return bits;
}

double vt_npy_value(const vt_npy_header *header, const void *item) {
    uint64_t bits = read_bits(item, header->item_size);
    if (header->kind == VT_NPY_BOOL || header->kind == VT_NPY_UNSIGNED) return (double)bits;
    if (header->kind == VT_NPY_SIGNED) {
        int unused = 64 - 8 * header->item_size;
        return (double)((int64_t)(bits << unused) >> unused);
    }
    if (header->item_size == 4) {
        uint32_t half = (uint32_t)bits;
        float value;
        memcpy(&value, &half, sizeof value);
        return (double)value;
    }
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}
