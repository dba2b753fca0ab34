/* Devices by name: opens the home that a name asks for; everything else goes through the device's table. */
#include "compute/compute.h"
#include <string.h>

const char *vt_precision_name(vt_precision precision) {
    return precision == VT_PRECISION_BF16 ? "bf16" : "fp32";
}

vt_status vt_device_open(const char *name, vt_device **out) {
    *out = NULL;
    if (strcmp(name, "cpu") == 0) return vt_cpu_device_open(out);
    return vt_fail(VT_ERROR_USAGE, "'%s' is not a device of this build; the only one is 'cpu'", name);
}

void vt_device_close(vt_device *device) {
    if (device) device->ops->close(device);
}

void vt_device_get_info(const vt_device *device, vt_device_info *info) {
    device->ops->get_info(device, info);
}
