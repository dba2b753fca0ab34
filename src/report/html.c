/* Building a page that needs nothing outside itself. SVG pictures are carried as images, not inlined, because the names
 * of their glyphs would clash. */
#include "report/html.h"

#include "base/file.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char style[] =
    ":root{color-scheme:light dark;--text:#1d2129;--soft:#5b6472;--ground:#fff;--card:#f6f7f9;--line:#dfe3e8;--note:#fff6e0}\n"
    "@media(prefers-color-scheme:dark){:root{--text:#e4e6ea;--soft:#9aa4b2;--ground:#15181d;--card:#1e2229;--line:#333a44;"
    "--note:#3a3120}}\n"
    "*{box-sizing:border-box}\n"
    "body{margin:0 auto;padding:2rem 1.25rem 3rem;max-width:64rem;background:var(--ground);color:var(--text);"
    "font:16px/1.55 system-ui,-apple-system,'Segoe UI',Roboto,'DejaVu Sans',sans-serif}\n"
    "h1{font-size:1.8rem;line-height:1.2;margin:0 0 .25rem}h2{font-size:1.2rem;margin:2.2rem 0 .6rem;padding-bottom:.25rem;"
    "border-bottom:1px solid var(--line)}\n"
    "p{margin:.4rem 0}.soft{color:var(--soft)}code{font-family:ui-monospace,'DejaVu Sans Mono',monospace;font-size:.9em;"
    "overflow-wrap:anywhere}\n"
    ".cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(8rem,1fr));gap:.75rem;margin:1.2rem 0}\n"
    ".card{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:.7rem .9rem}\n"
    ".card b{display:block;font-size:1.45rem;font-weight:600;line-height:1.3}.card span{color:var(--soft);font-size:.85rem}\n"
    ".note{background:var(--note);border-radius:8px;padding:.6rem .9rem;margin:.5rem 0}\n"
    ".wide{overflow-x:auto}table{border-collapse:collapse;width:100%;font-size:.92rem}\n"
    "th,td{padding:.3rem .7rem .3rem 0;text-align:left;border-bottom:1px solid var(--line);vertical-align:top}\n"
    "th{font-weight:600}td.n,th.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}\n"
    "td:first-child{white-space:nowrap}\n"
    ".figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,26rem),1fr));gap:1rem}\n"
    "figure{margin:0;background:#fff;border:1px solid var(--line);border-radius:8px;padding:.6rem;text-align:center}\n"
    "figure img{max-width:100%;height:auto}figure.all{grid-column:1/-1}figcaption{color:#5b6472;font-size:.85rem}\n";

vt_status vt_html_escape(vt_text *page, const char *text) {
    for (const char *at = text; *at;) {
        size_t plain = strcspn(at, "&<>\"'");
        VT_TRY(vt_text_add_bytes(page, at, plain));
        at += plain;
        if (*at) VT_TRY(vt_text_add(page, "&#%d;", *at++));
    }
    return VT_OK;
}

vt_status vt_html_escape_formatted(vt_text *page, const char *format, va_list arguments) {
    char text[4096];
    vsnprintf(text, sizeof text, format, arguments);
    return vt_html_escape(page, text);
}

vt_status vt_html_begin(vt_text *page, const char *title) {
    VT_TRY(vt_text_add(page, "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                             "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n<title>"));
    VT_TRY(vt_html_escape(page, title));
    VT_TRY(vt_text_add(page, "</title>\n<style>\n%s</style>\n</head>\n<body>\n<h1>", style));
    VT_TRY(vt_html_escape(page, title));
    return vt_text_add(page, "</h1>\n");
}

vt_status vt_html_end(vt_text *page, const char *closing_line) {
    VT_TRY(vt_text_add(page, "<p class=\"soft\">"));
    VT_TRY(vt_html_escape(page, closing_line));
    return vt_text_add(page, "</p>\n</body>\n</html>\n");
}

vt_status vt_html_heading(vt_text *page, const char *title) {
    VT_TRY(vt_text_add(page, "<h2>"));
    VT_TRY(vt_html_escape(page, title));
    return vt_text_add(page, "</h2>\n");
}

vt_status vt_html_row(vt_text *page, const char *name, const char *format, ...) {
    va_list arguments;
    VT_TRY(vt_text_add(page, "<tr><td>"));
    VT_TRY(vt_html_escape(page, name));
    VT_TRY(vt_text_add(page, "</td><td><code>"));
    va_start(arguments, format);
    vt_status status = vt_html_escape_formatted(page, format, arguments);
    va_end(arguments);
    VT_TRY(status);
    return vt_text_add(page, "</code></td></tr>\n");
}

vt_status vt_html_rows(vt_text *page, const json_t *object) {
    const char *key;
    const json_t *value;
    void *at = json_object_iter((json_t *)object);
    for (; at; at = json_object_iter_next((json_t *)object, at)) {
        key = json_object_iter_key(at);
        value = json_object_iter_value(at);
        vt_status status = VT_OK;
        if (json_is_string(value))
            status = vt_html_row(page, key, "%s", json_string_value(value));
        else if (json_is_boolean(value))
            status = vt_html_row(page, key, "%s", json_is_true(value) ? "true" : "false");
        else if (json_is_integer(value))
            status = vt_html_row(page, key, "%lld", (long long)json_integer_value(value));
        else if (json_is_real(value))
            status = vt_html_row(page, key, "%.6g", json_real_value(value));
        else if (json_is_null(value))
            status = vt_html_row(page, key, "-");
        if (status != VT_OK) return status;
    }
    return VT_OK;
}

static vt_status add_base64(vt_text *page, const uint8_t *bytes, size_t size) {
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < size; i += 3) {
        uint32_t group = (uint32_t)bytes[i] << 16;
        if (i + 1 < size) group |= (uint32_t)bytes[i + 1] << 8;
        if (i + 2 < size) group |= bytes[i + 2];
        char four[4] = {letters[group >> 18], letters[group >> 12 & 63], i + 1 < size ? letters[group >> 6 & 63] : '=',
                        i + 2 < size ? letters[group & 63] : '='};
        VT_TRY(vt_text_add_bytes(page, four, sizeof four));
    }
    return VT_OK;
}

static vt_status add_figure(vt_text *page, const char *path, const char *caption) {
    enum { LARGEST_PICTURE = 1 << 26 };
    uint8_t *bytes;
    size_t size;
    int is_svg = vt_has_suffix(path, ".svg");
    VT_TRY(vt_read_file(path, LARGEST_PICTURE, &bytes, &size));
    vt_status status;
    VT_TRY_GOTO(vt_text_add(page, "<figure%s><img alt=\"", is_svg ? "" : " class=\"all\""));
    VT_TRY_GOTO(vt_html_escape(page, caption));
    VT_TRY_GOTO(vt_text_add(page, "\" src=\"data:image/%s;base64,", is_svg ? "svg+xml" : "png"));
    VT_TRY_GOTO(add_base64(page, bytes, size));
    VT_TRY_GOTO(vt_text_add(page, "\"><figcaption>"));
    VT_TRY_GOTO(vt_html_escape(page, caption));
    status = vt_text_add(page, "</figcaption></figure>\n");
done:
    free(bytes);
    return status;
}

vt_status vt_html_figure(vt_text *page, const char *folder, const char *file, const char *caption) {
    char *path;
    VT_TRY(vt_join(folder, file, &path));
    vt_status status = vt_path_exists(path) ? add_figure(page, path, caption) : VT_OK;
    free(path);
    return status;
}
