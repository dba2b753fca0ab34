/* Vitrain: fine-tunes Vision Transformers on labelled images. This header includes the whole public API. */
#ifndef VITRAIN_VITRAIN_H
#define VITRAIN_VITRAIN_H

#include "vitrain/augment.h"
#include "vitrain/benchmark.h"
#include "vitrain/check.h"
#include "vitrain/console.h"
#include "vitrain/dataset.h"
#include "vitrain/device.h"
#include "vitrain/evaluate.h"
#include "vitrain/model.h"
#include "vitrain/report.h"
#include "vitrain/sample.h"
#include "vitrain/status.h"
#include "vitrain/train.h"

#ifdef __cplusplus
extern "C" {
#endif

/* "0.1.0" */
VT_API const char *vt_version(void);

#ifdef __cplusplus
}
#endif
#endif
