/* Any bytes as a MedMNIST file: opened as a raw data set, and every row of every array read as an image. */
#include "scratch.h"

#include "data/source/source.h"
#include "data/stream/stream.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_images(const vt_container *container) {
    vt_stream *stream;
    vt_stream_member member;
    int64_t rows = 0;
    int more = 1;
    if (vt_npz_stream_open(container, &stream) != VT_OK) return;
    while (stream->kind->next(stream, &member, &more) == VT_OK && more) {
        vt_stream_image image = {0};
        if (member.row != rows++) abort();
        if (rows % 3 && stream->kind->read(stream, &image) == VT_OK && !image.image.pixels) abort();
        vt_image_free(&image.image);
    }
    if (rows > container->rows || stream->kind->position(stream) > container->bytes) abort();
    stream->kind->close(stream);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    vt_source source = {0};
    write_scratch("fuzz.npz", data, size);
    vt_status status = vt_source_open(scratch_path("fuzz.npz"), &(vt_label_options){0}, NULL, &source);
    if (status != VT_OK && !vt_error_message()[0]) abort();
    if (status == VT_OK && (source.count == 0 || source.labels.count == 0)) abort();
    for (size_t i = 0; status == VT_OK && i < source.files.container_count; i++) read_images(&source.files.containers[i]);
    vt_source_free(&source);
    return 0;
}
