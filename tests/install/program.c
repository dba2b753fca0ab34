/* A program of a user's own: includes the installed headers, links the installed library, says what it runs on. */
#include <stdio.h>
#include <vitrain/vitrain.h>

static void print_line(void *user, vt_level level, const char *text) {
    (void)user;
    fprintf(level == VT_LEVEL_WARNING ? stderr : stdout, "%s\n", text);
}

int main(void) {
    const vt_console console = {.line = print_line};
    vt_model_options options;
    vt_model *model;
    vt_device *device;
    vt_device_info info;

    vt_model_options_init(&options);
    options.num_labels = 14;
    if (vt_model_open("no-such-model", &options, &console, &model) == VT_OK || !vt_error_message()[0]) return 1;
    if (vt_device_open("cpu", &device) != VT_OK || vt_model_open("vit-tiny-patch16-224", &options, &console, &model) != VT_OK) {
        fprintf(stderr, "%s\n", vt_error_message());
        return 1;
    }
    vt_device_get_info(device, &info);
    printf("vitrain %s: %lld parameters on %s (%s)\n", vt_version(), (long long)vt_model_parameter_count(model),
           info.description, info.isa);
    vt_model_close(model);
    vt_device_close(device);
    return 0;
}
