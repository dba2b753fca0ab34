/* The label file of a raw data set. The first byte says which: j is metadata.jsonl, c metadata.csv, n the NIH's table, t
 * another table of labels, l one of the NIH's lists. a.png to d.png are there, with no contents: they are found, not opened. */
#include "scratch.h"

#include "data/source/source.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char table[] = "Image Index,Finding Labels,Patient ID\na.png,Mass|Edema,1\nb.png,Hernia,2\nc.png,Mass,3\n";
static const struct {
    char kind;
    const char *file;
} files[] = {
    {'j', "metadata.jsonl"}, {'c', "metadata.csv"}, {'n', "Data_Entry_2017.csv"}, {'t', "labels.csv"}, {'l', "test_list.txt"}};
enum { FILES = sizeof files / sizeof files[0] };

static void use(const vt_source *source) {
    if (source->count == 0 || source->labels.count == 0) abort();
    for (size_t i = 0; i < source->count; i++) {
        const vt_item *item = &source->items[i];
        if (item->file < 0 || (size_t)item->file >= source->files.count) abort();
        if (source->patients_known && !item->patient_id) abort();
        for (size_t k = 0; k < item->label_count; k++) {
            int32_t label = source->label_ids[item->first_label + k];
            if (label < 0 || (size_t)label >= source->labels.count) abort();
        }
        for (size_t k = 0; k < item->unknown_count; k++) {
            int32_t label = source->unknown_ids[item->first_unknown + k];
            if (label < 0 || (size_t)label >= source->labels.count) abort();
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char *const images[] = {"a.png", "b.png", "c.png", "d.png"};
    vt_source source = {0};
    if (size == 0) return 0;
    if (!vt_path_exists(scratch_path(images[3])))
        for (int i = 0; i < 4; i++) write_scratch(images[i], data, 0);
    for (int i = 0; i < FILES; i++) remove(scratch_path(files[i].file));
    int kind = 0;
    while (kind < FILES - 1 && files[kind].kind != (char)data[0]) kind++;
    if (files[kind].kind == 'l') write_scratch(files[2].file, (const uint8_t *)table, sizeof table - 1);
    write_scratch(files[kind].file, data + 1, size - 1);
    vt_status status = vt_source_open(scratch_path(""), &(vt_label_options){0}, NULL, &source);
    if (status == VT_OK)
        use(&source);
    else if (!vt_error_message()[0])
        abort();
    vt_source_free(&source);
    return 0;
}
