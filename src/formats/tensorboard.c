/* TensorBoard event files. A record is framed as in TFRecord: u64 length, masked CRC-32C of the length, the bytes, their
 * masked CRC-32C; the bytes are an Event message (tensorflow/core/util/event.proto) in protobuf's wire format.
 * Records are appended and handed to the system at once, so that a running TensorBoard sees them. */
#include "formats/tensorboard.h"

#include "base/file.h"
#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { TAG_LIMIT = 256, RECORD_LIMIT = TAG_LIMIT + 64 };

struct vt_event_writer {
    char *path;
    int file;
};

/* CRC-32C (Castagnoli, polynomial 0x1EDC6F41 reflected), bit by bit: records are a hundred bytes. */
static uint32_t crc32c(const uint8_t *data, size_t size) {
    uint32_t crc = 0xffffffffu;
    for (size_t i = 0; i < size; i++) {
        crc ^= data[i];
        for (int bit = 0; bit < 8; bit++) crc = (crc >> 1) ^ (crc & 1 ? 0x82f63b78u : 0);
    }
    return ~crc;
}

/* So that a CRC over bytes that hold CRCs stays telling (tensorflow/core/lib/hash/crc32c.h). */
static uint32_t masked_crc32c(const uint8_t *data, size_t size) {
    uint32_t crc = crc32c(data, size);
    return ((crc >> 15) | (crc << 17)) + 0xa282ead8u;
}

/* --- protobuf --- */

/* A message being written; the limits above leave room for every message here. */
typedef struct proto {
    uint8_t bytes[RECORD_LIMIT];
    size_t size;
} proto;

enum wire_type { WIRE_VARINT = 0, WIRE_64_BIT = 1, WIRE_BYTES = 2, WIRE_32_BIT = 5 };

static void put_bytes(proto *message, const void *bytes, size_t size) {
    memcpy(message->bytes + message->size, bytes, size);
    message->size += size;
}

static void put_varint(proto *message, uint64_t value) {
    for (; value >= 0x80; value >>= 7) message->bytes[message->size++] = (uint8_t)(value | 0x80);
    message->bytes[message->size++] = (uint8_t)value;
}

static void put_key(proto *message, int field, enum wire_type type) {
    put_varint(message, (uint64_t)field << 3 | type);
}

static void put_double(proto *message, int field, double value) {
    put_key(message, field, WIRE_64_BIT);
    put_bytes(message, &value, sizeof value);
}

static void put_float(proto *message, int field, float value) {
    put_key(message, field, WIRE_32_BIT);
    put_bytes(message, &value, sizeof value);
}

static void put_block(proto *message, int field, const void *bytes, size_t size) {
    put_key(message, field, WIRE_BYTES);
    put_varint(message, size);
    put_bytes(message, bytes, size);
}

enum { EVENT_WALL_TIME = 1, EVENT_STEP = 2, EVENT_FILE_VERSION = 3, EVENT_SUMMARY = 5 };
enum { SUMMARY_VALUE = 1 };
enum { VALUE_TAG = 1, VALUE_SIMPLE_VALUE = 2 };

static double wall_time(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* --- records --- */

static vt_status append(vt_event_writer *writer, const proto *event) {
    uint8_t record[8 + 4 + RECORD_LIMIT + 4];
    uint64_t length = event->size;
    uint32_t length_crc, data_crc = masked_crc32c(event->bytes, event->size);
    memcpy(record, &length, 8);
    length_crc = masked_crc32c(record, 8);
    memcpy(record + 8, &length_crc, 4);
    memcpy(record + 12, event->bytes, event->size);
    memcpy(record + 12 + event->size, &data_crc, 4);
    size_t size = 8 + 4 + event->size + 4, done = 0;
    while (done < size) {
        ssize_t written = write(writer->file, record + done, size - done);
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return vt_fail_errno("%s: cannot append a record", writer->path);
        done += (size_t)written;
    }
    return VT_OK;
}

/* folder/events.out.tfevents.<seconds>.<host>.<pid>.0, where TensorBoard looks for "tfevents". */
static vt_status name_file(const char *folder, char **path) {
    char host[256] = "";
    if (gethostname(host, sizeof host - 1) != 0 || !host[0]) strcpy(host, "localhost");
    for (char *c = host; *c; c++)
        if (*c == '/') *c = '_';
    return vt_format(path, "%s/events.out.tfevents.%lld.%s.%ld.0", folder, (long long)time(NULL), host, (long)getpid());
}

vt_status vt_event_writer_open(const char *folder, vt_event_writer **out) {
    vt_event_writer *writer = NULL;
    vt_status status = VT_OK;
    *out = NULL;
    VT_TRY(vt_make_folders(folder));
    VT_TRY(vt_allocate(&writer, 1, sizeof *writer, "a TensorBoard writer"));
    writer->file = -1;
    VT_TRY_GOTO(name_file(folder, &writer->path));
    writer->file = open(writer->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (writer->file < 0) VT_TRY_GOTO(vt_fail_errno("%s: cannot be created", writer->path));
    static const char version[] = "brain.Event:2";
    proto event = {.size = 0};
    put_double(&event, EVENT_WALL_TIME, wall_time());
    put_block(&event, EVENT_FILE_VERSION, version, sizeof version - 1);
    VT_TRY_GOTO(append(writer, &event));
    *out = writer;
    return VT_OK;
done:
    if (writer->file >= 0) close(writer->file);
    free(writer->path);
    free(writer);
    return status;
}

vt_status vt_event_writer_scalar(vt_event_writer *writer, const char *tag, int64_t step, double value) {
    size_t length = strlen(tag);
    if (length > TAG_LIMIT)
        return vt_fail(VT_ERROR_USAGE, "%s: the tag '%.40s...' has %zu bytes, at most %d are possible", writer->path, tag,
                       length, TAG_LIMIT);
    proto scalar = {.size = 0}, summary = {.size = 0}, event = {.size = 0};
    put_block(&scalar, VALUE_TAG, tag, length);
    put_float(&scalar, VALUE_SIMPLE_VALUE, (float)value);
    put_block(&summary, SUMMARY_VALUE, scalar.bytes, scalar.size);
    put_double(&event, EVENT_WALL_TIME, wall_time());
    put_key(&event, EVENT_STEP, WIRE_VARINT);
    put_varint(&event, (uint64_t)step);
    put_block(&event, EVENT_SUMMARY, summary.bytes, summary.size);
    return append(writer, &event);
}

vt_status vt_event_writer_close(vt_event_writer *writer) {
    if (!writer) return VT_OK;
    vt_status status = VT_OK;
    if (close(writer->file) != 0) status = vt_fail_errno("%s: cannot be closed", writer->path);
    free(writer->path);
    free(writer);
    return status;
}
