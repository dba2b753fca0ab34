/* TensorBoard event files: scalars over steps (TFRecord framing, masked CRC-32C, protobuf Event messages). */
#ifndef VT_FORMATS_TENSORBOARD_H
#define VT_FORMATS_TENSORBOARD_H

#include "base/error.h"
#include <stdint.h>

typedef struct vt_event_writer vt_event_writer;

/* Creates folder/events.out.tfevents.<seconds>.<host>.<pid>.0 and appends the version record. */
vt_status vt_event_writer_open(const char *folder, vt_event_writer **out) VT_CHECKED;
/* Appends and flushes one scalar: tag such as "train/loss". */
vt_status vt_event_writer_scalar(vt_event_writer *writer, const char *tag, int64_t step, double value) VT_CHECKED;
vt_status vt_event_writer_close(vt_event_writer *writer) VT_CHECKED; /* NULL allowed */

#endif
