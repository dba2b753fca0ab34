/* A data set saved by `datasets`, of one split and one Arrow file: dataset_info.json, a NUL byte, the Arrow file. What is
 * listed can be streamed to its end. */
#include "scratch.h"

#include "data/source.h"
#include "data/stream.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Columns of nulls may claim any number of rows. */
enum { ROWS_READ = 1000 };

static void read_images(const vt_container *container) {
    vt_stream *stream;
    vt_stream_member member;
    vt_stream_image image;
    int more = 1;
    if (vt_stream_open(container, &stream) != VT_OK) abort(); /* the source has read it */
    for (int row = 0; row < ROWS_READ && vt_stream_next(stream, &member, &more) == VT_OK && more; row++) {
        if (vt_stream_read(stream, &image) != VT_OK && !vt_error_message()[0]) abort();
        vt_stream_image_free(&image);
    }
    if (vt_stream_position(stream) > container->bytes) abort();
    vt_stream_close(stream);
}

static void use(const vt_source *source) {
    for (size_t i = 0; i < source->count; i++) {
        const vt_item *item = &source->items[i];
        if (item->file < 0 || (size_t)item->file >= source->files.count) abort();
        for (size_t k = 0; k < item->label_count; k++)
            if ((size_t)source->label_ids[item->first_label + k] >= source->labels.count) abort();
        for (size_t k = 0; k < item->unknown_count; k++)
            if ((size_t)source->unknown_ids[item->first_unknown + k] >= source->labels.count) abort();
    }
    for (size_t i = 0; i < source->files.container_count; i++) read_images(&source->files.containers[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char state[] = "{\"_data_files\": [{\"filename\": \"data-00000-of-00001.arrow\"}]}";
    const uint8_t *end = size ? memchr(data, 0, size) : NULL;
    size_t record = end ? (size_t)(end - data) : size, rest = end ? size - record - 1 : 0;
    vt_source source = {0};
    write_scratch("state.json", (const uint8_t *)state, sizeof state - 1);
    write_scratch("dataset_info.json", data, record);
    write_scratch("data-00000-of-00001.arrow", end ? end + 1 : data, rest);
    if (vt_source_open(scratch_path(""), &(vt_label_options){0}, NULL, &source) == VT_OK)
        use(&source);
    else if (!vt_error_message()[0])
        abort();
    vt_source_free(&source);
    return 0;
}
