/* Painting into memory with cairo and writing the bytes; text in DejaVu Sans by cairo's own text calls. The same picture
 * gives the same bytes: cairo numbers the parts of an SVG by a counter of the process, which is numbered anew here. */
#include "report/picture.h"

#include "base/file.h"
#include "formats/utf8.h"
#include <cairo-svg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

vt_colour vt_cycle_colour(int index) {
    static const unsigned tab10[VT_CYCLE_COLOURS] = {0x1f77b4, 0xff7f0e, 0x2ca02c, 0xd62728, 0x9467bd,
                                                     0x8c564b, 0xe377c2, 0x7f7f7f, 0xbcbd22, 0x17becf};
    unsigned rgb = tab10[index % VT_CYCLE_COLOURS];
    return (vt_colour){(rgb >> 16) / 255.0, (rgb >> 8 & 255) / 255.0, (rgb & 255) / 255.0};
}

void vt_set_colour(cairo_t *cairo, vt_colour colour, double alpha) {
    cairo_set_source_rgba(cairo, colour.red, colour.green, colour.blue, alpha);
}

/* --- text --- */

static void choose_font(cairo_t *cairo, double size, vt_weight weight) {
    cairo_select_font_face(cairo, "DejaVu Sans", CAIRO_FONT_SLANT_NORMAL,
                           weight == VT_WEIGHT_BOLD ? CAIRO_FONT_WEIGHT_BOLD : CAIRO_FONT_WEIGHT_NORMAL);
    cairo_set_font_size(cairo, size);
}

/* Copies what can be drawn of `text`; '?' stands for control characters and for bytes that are not UTF-8, which cairo
 * refuses. */
static const char *drawable(const char *text, char out[512]) {
    snprintf(out, 512, "%s", text);
    size_t length = strlen(out), valid;
    while ((valid = vt_utf8_valid_length(out, length)) < length) out[valid] = '?';
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)out[i] < 0x20 || out[i] == 0x7f) out[i] = '?';
    return out;
}

double vt_text_width(cairo_t *cairo, const char *text, double size, vt_weight weight) {
    char buffer[512];
    cairo_text_extents_t extents;
    choose_font(cairo, size, weight);
    cairo_text_extents(cairo, drawable(text, buffer), &extents);
    return extents.x_advance;
}

void vt_text_draw(cairo_t *cairo, const char *text, double size, vt_weight weight, vt_colour colour, double x, double y,
                  vt_align align) {
    double width = vt_text_width(cairo, text, size, weight);
    vt_set_colour(cairo, colour, 1.0);
    cairo_move_to(cairo, x - (align == VT_ALIGN_LEFT ? 0.0 : align == VT_ALIGN_CENTRE ? width / 2.0 : width), y);
    char buffer[512];
    cairo_show_text(cairo, drawable(text, buffer));
    cairo_new_path(cairo);
}

void vt_text_fit(cairo_t *cairo, const char *text, double type_size, vt_weight weight, double width, char *out, size_t size) {
    int needed = snprintf(out, size, "%s", text);
    if ((size_t)needed < size && vt_text_width(cairo, out, type_size, weight) <= width) return;
    size_t length = (size_t)needed < size - 4 ? (size_t)needed : size - 4;
    while (length > 0) {
        do length--;
        while (length > 0 && ((unsigned char)text[length] & 0xc0) == 0x80); /* never inside a UTF-8 sequence */
        snprintf(out, size, "%.*s...", (int)length, text);
        if (vt_text_width(cairo, out, type_size, weight) <= width) return;
    }
}

static void set_text_options(cairo_t *cairo) {
    cairo_font_options_t *options = cairo_font_options_create();
    cairo_font_options_set_antialias(options, CAIRO_ANTIALIAS_GRAY);
    cairo_font_options_set_hint_style(options, CAIRO_HINT_STYLE_NONE);
    cairo_font_options_set_hint_metrics(options, CAIRO_HINT_METRICS_OFF);
    cairo_set_font_options(cairo, options);
    cairo_font_options_destroy(options);
}

cairo_t *vt_measuring_context(void) {
    cairo_surface_t *surface = cairo_image_surface_create(CAIRO_FORMAT_A8, 1, 1);
    cairo_t *cairo = cairo_create(surface);
    cairo_surface_destroy(surface);
    set_text_options(cairo);
    return cairo;
}

/* --- images --- */

vt_status vt_image_draw(cairo_t *cairo, const vt_image *image, double x, double y, double width, double height) {
    cairo_surface_t *surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, image->width, image->height);
    if (cairo_surface_status(surface) != CAIRO_STATUS_SUCCESS) {
        cairo_surface_destroy(surface);
        return vt_fail(VT_ERROR_MEMORY, "cannot allocate an image of %d x %d pixels for a picture", image->width,
                       image->height);
    }
    unsigned char *data = cairo_image_surface_get_data(surface);
    int stride = cairo_image_surface_get_stride(surface);
    for (int row = 0; row < image->height; row++) {
        const uint8_t *from = image->pixels + (size_t)row * (size_t)image->width * 3;
        for (int column = 0; column < image->width; column++, from += 3) {
            uint32_t pixel = (uint32_t)from[0] << 16 | (uint32_t)from[1] << 8 | from[2];
            memcpy(data + (size_t)row * (size_t)stride + (size_t)column * 4, &pixel, 4);
        }
    }
    cairo_surface_mark_dirty(surface);
    cairo_save(cairo);
    cairo_translate(cairo, x, y);
    cairo_scale(cairo, width / image->width, height / image->height);
    cairo_set_source_surface(cairo, surface, 0, 0);
    cairo_pattern_set_filter(cairo_get_source(cairo), CAIRO_FILTER_GOOD);
    cairo_pattern_set_extend(cairo_get_source(cairo), CAIRO_EXTEND_PAD);
    cairo_rectangle(cairo, 0, 0, image->width, image->height);
    cairo_fill(cairo);
    cairo_restore(cairo);
    cairo_surface_destroy(surface);
    return VT_OK;
}

/* --- surfaces --- */

static cairo_status_t collect_bytes(void *closure, const unsigned char *bytes, unsigned int count) {
    return vt_text_add_bytes(closure, bytes, count) == VT_OK ? CAIRO_STATUS_SUCCESS : CAIRO_STATUS_WRITE_ERROR;
}

static vt_status paint_surface(cairo_surface_t *surface, double scale, vt_painter paint, void *context) {
    cairo_t *cairo = cairo_create(surface);
    set_text_options(cairo);
    cairo_scale(cairo, scale, scale);
    vt_set_colour(cairo, VT_WHITE, 1.0);
    cairo_paint(cairo);
    vt_status status = paint(cairo, context);
    cairo_status_t drawn = cairo_status(cairo);
    cairo_destroy(cairo);
    if (status == VT_OK && drawn != CAIRO_STATUS_SUCCESS)
        status = vt_fail(VT_ERROR_MEMORY, "cannot draw a picture: %s", cairo_status_to_string(drawn));
    return status;
}

static vt_status render_png(double width, double height, vt_painter paint, void *context, vt_text *bytes) {
    cairo_surface_t *surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, (int)(width * VT_PIXELS_PER_POINT + 0.5),
                                                          (int)(height * VT_PIXELS_PER_POINT + 0.5));
    vt_status status = paint_surface(surface, VT_PIXELS_PER_POINT, paint, context);
    if (status == VT_OK) {
        cairo_status_t written = cairo_surface_write_to_png_stream(surface, collect_bytes, bytes);
        if (written != CAIRO_STATUS_SUCCESS)
            status = vt_fail(VT_ERROR_MEMORY, "cannot encode a picture: %s", cairo_status_to_string(written));
    }
    cairo_surface_destroy(surface);
    return status;
}

/* Copies `from`, numbering each name "<prefix>N" in it anew, from 1, in order of first appearance. Names follow a quote or
 * a '#', which embedded images, being base64, never hold. */
static vt_status renumber(const vt_text *from, const char *prefix, vt_text *to) {
    vt_map *numbers = NULL;
    VT_TRY(vt_map_create(&numbers));
    vt_status status = VT_OK;
    const char *at = from->data, *end = from->data + from->length;
    while (at < end) {
        const char *found = strstr(at, prefix);
        const char *digits = found ? found + strlen(prefix) : end;
        VT_TRY_GOTO(vt_text_add_bytes(to, at, (size_t)(digits - at)));
        int is_name = found && found > from->data && (found[-1] == '"' || found[-1] == '#');
        size_t length = is_name ? strspn(digits, "0123456789") : 0;
        if (length > 0) {
            int64_t number = vt_map_get(numbers, digits, length);
            if (number < 0) {
                number = (int64_t)vt_map_count(numbers) + 1;
                VT_TRY_GOTO(vt_map_set(numbers, digits, length, number));
            }
            VT_TRY_GOTO(vt_text_add(to, "%lld", (long long)number));
        }
        at = digits + length;
    }
done:
    vt_map_free(numbers);
    return status;
}

static vt_status render_svg(double width, double height, vt_painter paint, void *context, vt_text *bytes) {
    vt_text raw = {0}, half = {0};
    cairo_surface_t *surface = cairo_svg_surface_create_for_stream(collect_bytes, &raw, width, height);
    vt_status status = paint_surface(surface, 1.0, paint, context);
    cairo_surface_finish(surface);
    cairo_status_t written = cairo_surface_status(surface);
    cairo_surface_destroy(surface);
    if (status == VT_OK && written != CAIRO_STATUS_SUCCESS)
        status = vt_fail(VT_ERROR_MEMORY, "cannot encode a picture: %s", cairo_status_to_string(written));
    if (status == VT_OK) status = renumber(&raw, "surface", &half);
    if (status == VT_OK) status = renumber(&half, "image", bytes);
    vt_text_free(&raw);
    vt_text_free(&half);
    return status;
}

static vt_status write_bytes(const char *folder, const char *name, const char *suffix, const vt_text *bytes) {
    char *path = NULL;
    VT_TRY(vt_format(&path, "%s/%s.%s", folder, name, suffix));
    vt_status status = vt_write_file(path, bytes->data, bytes->length);
    free(path);
    return status;
}

vt_status vt_picture_write(const char *folder, const char *name, double width, double height, vt_painter paint, void *context) {
    VT_TRY(vt_make_folders(folder));
    vt_text png = {0}, svg = {0};
    vt_status status;
    VT_TRY_GOTO(render_png(width, height, paint, context, &png));
    VT_TRY_GOTO(write_bytes(folder, name, "png", &png));
    VT_TRY_GOTO(render_svg(width, height, paint, context, &svg));
    VT_TRY_GOTO(write_bytes(folder, name, "svg", &svg));
done:
    vt_text_free(&png);
    vt_text_free(&svg);
    return status;
}

vt_status vt_picture_write_png(const char *path, double width, double height, vt_painter paint, void *context) {
    vt_text png = {0};
    vt_status status = render_png(width, height, paint, context, &png);
    if (status == VT_OK) status = vt_write_file(path, png.data, png.length);
    vt_text_free(&png);
    return status;
}
