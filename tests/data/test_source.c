/* Raw data sets in every layout: what is recognised, how labels are read, and what is refused. */
#include "raw_data.h"

#include "data/source/labels.h"
#include "data/source/source.h"
#include <unistd.h>

static vt_source source;

static vt_status open_source(const char *root) {
    static const vt_label_options options;
    vt_source_free(&source);
    return vt_source_open(test_path(root), &options, fresh_console(), &source);
}

static int close_source(void **state) {
    (void)state;
    vt_source_free(&source);
    return 0;
}

/* "A|B" of an item. */
static const char *labels_of(const char *file_name) {
    static char text[256];
    text[0] = '\0';
    for (size_t i = 0; i < source.count; i++) {
        const vt_item *item = &source.items[i];
        if (strcmp(item->file_name, file_name) != 0) continue;
        for (size_t k = 0; k < item->label_count; k++) {
            if (k) strcat(text, "|");
            strcat(text, source.labels.items[source.label_ids[item->first_label + k]]);
        }
        return text;
    }
    return "(absent)";
}

static const vt_item *item_of(const char *file_name) {
    for (size_t i = 0; i < source.count; i++)
        if (strcmp(source.items[i].file_name, file_name) == 0) return &source.items[i];
    fail_msg("no item '%s'", file_name);
    return NULL;
}

static void nih_layout_reads_archives_folders_and_lists(void **state) {
    (void)state;
    write_nih("nih");
    ASSERT_OK(open_source("nih"));
    assert_int_equal(source.count, 13);
    assert_int_equal(source.labels.count, 7);
    assert_string_equal(source.labels.items[0], "Cardiomegaly");
    assert_string_equal(source.labels.items[6], "Nodule");
    assert_string_equal(labels_of("3_0.png"), "Effusion|Hernia");
    assert_string_equal(labels_of("5_0.png"), "Mass|Nodule");
    assert_string_equal(item_of("6_2.png")->patient_id, "6");
    assert_int_equal(item_of("3_0.png")->part, VT_PART_TRAIN);
    assert_int_equal(item_of("5_0.png")->part, VT_PART_TEST);
    assert_int_equal(item_of("6_2.png")->part, VT_PART_NONE);
    assert_true(source.patients_known && source.has_train_val_list && source.has_test_list && !source.single_label);
    assert_said("lists 13 images; there are 2 archives (802 bytes) and 5 image files");
    assert_true(item_of("3_0.png")->file >= 0);
    assert_int_equal(item_of("3_1.png")->file, VT_FILE_ARCHIVED);
    assert_said("warning: 1 image files have no label and are left out, such as '3_0.PNG.png'");
}

static void nih_layout_refuses_broken_input(void **state) {
    (void)state;
    static const char header[] = "Image Index,Finding Labels,Patient ID\n";
    static const struct {
        const char *rows, *words;
    } cases[] = {
        {"Image Index,Labels,Patient ID\na.png,Mass,1\n", "Finding Labels"},
        {"a.png,Mass,1\na.png,Mass,1\n", ":3: 'a.png' is listed twice, first in line 2"},
        {"a.png,,1\n", ":2: '': an empty label"},
        {"a.png,Mass||Edema,1\n", ":2: 'Mass||Edema': an empty label"},
        {"a.png,Mass, \n", ":2: the patient is empty"},
        {",Mass,1\n", ":2: the file name is empty"},
        {"a.png,Mass\n", ":2"},
        {"a.png,\"Mass,1\n", ":2"},
        {"a.png,Mass|Edema,1\nb.png,Pneumonia|Effusoin|Effusion,2\n",
         ":3: unknown label 'Effusoin'; known are Atelectasis, Cardio"},
        {"", "lists no image"},
    };
    write_png("bad", "images/a.png", 1, 1);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[512];
        snprintf(text, sizeof text, "%s%s", i ? header : "", cases[i].rows);
        write_text("bad", "Data_Entry_2017.csv", text);
        ASSERT_FAILS(VT_ERROR_INPUT, cases[i].words, open_source("bad"));
        assert_non_null(strstr(vt_error_message(), "Data_Entry_2017.csv"));
    }
    write_text("bad", "Data_Entry_2017.csv", "Image Index,Finding Labels,Patient ID\nb.png,Mass,1\n");
    ASSERT_FAILS(VT_ERROR_INPUT, "none of the 1 listed images is there", open_source("bad"));
}

static void labels_of_another_vocabulary_are_allowed(void **state) {
    (void)state;
    write_text("own", "Data_Entry_2017.csv", "Image Index,Finding Labels,Patient ID\na.png,cat|dog,1\n");
    write_png("own", "images/a.png", 1, 1);
    ASSERT_OK(open_source("own"));
    assert_string_equal(labels_of("a.png"), "cat|dog");
    assert_said("2 of the labels are none of ChestX-ray14's, such as 'cat'");
}

static void odd_lists_are_read_or_refused(void **state) {
    (void)state;
    write_nih("lists");
    write_text("lists", "test_list.txt",
               "\xef\xbb\xbf"
               "5_0.png\r\nno_such.png\r\n");
    write_text("lists", "train_val_list.txt", "3_0.png");
    ASSERT_OK(open_source("lists"));
    assert_int_equal(item_of("5_0.png")->part, VT_PART_TEST);
    assert_int_equal(item_of("3_0.png")->part, VT_PART_TRAIN);
    assert_said("test_list.txt: 1 of its names have no row in the label file, such as 'no_such.png'");
    write_test_file(raw_path("lists", "test_list.txt"), "5_0.png\0\n6_2.png\n", 17);
    ASSERT_FAILS(VT_ERROR_INPUT, "test_list.txt: a NUL byte", open_source("lists"));
}

static void an_image_in_both_lists_is_refused(void **state) {
    (void)state;
    write_nih("both");
    write_text("both", "test_list.txt", "5_0.png\n1_0.png\n");
    ASSERT_FAILS(VT_ERROR_INPUT, "'1_0.png' is in both", open_source("both"));
}

static void the_same_loose_image_twice_is_refused_with_both_places(void **state) {
    (void)state;
    write_nih("twice");
    write_png("twice", "images_001/images/3_0.png", 1, 1);
    ASSERT_FAILS(VT_ERROR_INPUT, "images/3_0.png' and in", open_source("twice"));
    assert_non_null(strstr(vt_error_message(), "images_001/images/3_0.png"));
}

/* --- metadata --- */

static void check_metadata(const char *name, const char *text, const char *a, const char *b, int single) {
    ASSERT_OK(vt_remove_tree(test_path("meta")));
    write_png("meta", "a.png", 1, 1);
    write_png("meta", "sub/b.jpg.png", 1, 2);
    write_text("meta", name, text);
    ASSERT_OK(open_source("meta"));
    assert_int_equal(source.count, 2);
    assert_string_equal(labels_of("a.png"), a);
    assert_string_equal(labels_of("sub/b.jpg.png"), b);
    assert_int_equal(source.single_label, single);
}

static void metadata_labels_come_in_every_shape(void **state) {
    (void)state;
    check_metadata("metadata.csv", "file_name,labels\na.png,X|Y\nsub/b.jpg.png,Y\n", "X|Y", "Y", 0);
    check_metadata("metadata.csv", "Finding Labels,file_name\r\n\"X, the first\",a.png\r\nY,./sub/b.jpg.png\r\n",
                   "X, the first", "Y", 0);
    check_metadata("metadata.csv", "file_name,label\na.png,cat\nsub/b.jpg.png,dog\n", "cat", "dog", 1);
    check_metadata("metadata.csv", "file_name,label\na.png,10\nsub/b.jpg.png,2\n", "LABEL_10", "LABEL_2", 1);
    assert_int_equal(source.labels.count, 11);
    check_metadata("metadata.csv", "file_name,labels\na.png,\"[1, 0, 1]\"\nsub/b.jpg.png,\"[0,0,0]\"\n", "LABEL_0|LABEL_2", "",
                   0);
    check_metadata("metadata.jsonl",
                   "{\"file_name\":\"a.png\",\"labels\":\"X|Y\"}\n{\"file_name\":\"sub/b.jpg.png\",\"labels\":\"Y\"}", "X|Y",
                   "Y", 0);
    check_metadata("metadata.jsonl",
                   "{\"file_name\":\"a.png\",\"label\":3,\"patient_id\":7}\r\n\r\n{\"file_name\":\"sub/b.jpg.png\",\"label\":0,"
                   "\"patient_id\":\" p \"}\r\n",
                   "LABEL_3", "LABEL_0", 1);
    assert_string_equal(item_of("a.png")->patient_id, "7");
    assert_string_equal(item_of("sub/b.jpg.png")->patient_id, "p");
    check_metadata("metadata.jsonl",
                   "{\"file_name\":\"a.png\",\"labels\":[\"Y\",\"X\",\"Y\"]}\n{\"file_name\":\"sub/b.jpg.png\",\"labels\":[]}",
                   "X|Y", "", 0);
    check_metadata("metadata.jsonl",
                   "{\"file_name\":\"a.png\",\"labels\":[0,1.0]}\n{\"file_name\":\"sub/b.jpg.png\",\"labels\":[1,1]}",
                   "LABEL_1", "LABEL_0|LABEL_1", 0);
    int64_t left_out;
    check_metadata("metadata.csv", "file_name,labels\na.png,\"[0, 0]\"\nsub/b.jpg.png,\"[0, 0]\"\n", "", "", 0);
    assert_int_equal(source.labels.count, 2);
    ASSERT_OK(vt_labels_choose(&source, "-LABEL_0", &left_out));
    assert_int_equal(source.labels.count, 1);
}

static void broken_metadata_is_refused(void **state) {
    (void)state;
    static const struct {
        const char *name, *text, *words;
    } cases[] = {
        {"metadata.csv", "name,labels\na.png,X\n", "file_name"},
        {"metadata.csv", "file_name,kind\na.png,X\n", "labels"},
        {"metadata.csv", "file_name,labels\na.png,X||Y\n", ":2: 'X||Y': an empty label"},
        {"metadata.csv", "file_name,labels\na.png,[1\n", ":2: the list of labels: character 3: no ',' or ']' after a value"},
        {"metadata.csv", "file_name,labels\na.png,\"[1, 'x']\"\n", ":2: the labels are a list of mixed kinds"},
        {"metadata.csv", "file_name,label\na.png,1\nb.png,cat\n", ":3: the labels are a text; expected the number of a class"},
        {"metadata.csv", "file_name,label\na.png,99999999\n", ":2: class 99999999"},
        {"metadata.jsonl", "{\"file_name\":\"a.png\"}\n", ":1: no labels"},
        {"metadata.jsonl", "{\"labels\":[1]}\n", ":1: no 'file_name'"},
        {"metadata.jsonl", "{\"file_name\":\"a.png\",\"labels\":[1,0]}\n{\"file_name\":\"b.png\",\"labels\":[1]}",
         ":2: 1 labels; expected 2"},
        {"metadata.jsonl", "{\"file_name\":\"a.png\",\"labels\":[0.5]}\n",
         ":1: 'LABEL_0' is 0.5; expected 0, 1, -1 (uncertain) or nothing"},
        {"metadata.jsonl", "{\"file_name\":\"a.png\",\"label\":-2}\n", ":1: class -2"},
        {"metadata.jsonl", "{\"file_name\":\"a.png\",\"label\":0.5}\n", ":1: the labels are of another kind"},
        {"metadata.jsonl", "{\"file_name\":\"a.png\",\"label\":\"x\"\n", ":1"},
        {"metadata.jsonl", "{\"file_name\":7,\"label\":\"x\"}\n", "file_name"},
        {"metadata.jsonl",
         "{\"file_name\":\"a.png\",\"label\":\"x\",\"patient_id\":\"p\"}\n{\"file_name\":\"b.png\",\"label\":\"x\"}",
         "'b.png' (line 2 of its list) has no patient"},
        {"metadata.jsonl", "{\"file_name\":\"a.png\",\"label\":\"x\",\"patient_id\":[]}", ":1: the patient is neither"},
        {"metadata.jsonl", "", "lists no image with a label"},
        {"metadata.jsonl", "{\"file_name\":\"a.png\",\"labels\":[]}", "none of the 1 listed images has a label"},
        {"metadata.csv", "file_name,label\na.png,x\n../secret.png,y\n", ":3: '../secret.png' leads out of this folder"},
        {"metadata.csv", "file_name,label\n/etc/a.png,y\n", ":2: '/etc/a.png' leads out of this folder"},
        {"metadata.jsonl", "{\"file_name\":\"b/../../a.png\",\"label\":\"x\"}", ":1: 'b/../../a.png' leads out of this folder"},
        {"metadata.jsonl", "{\"file_name\":\"b/..\",\"label\":\"x\"}", ":1: 'b/..' leads out of this folder"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        ASSERT_OK(vt_remove_tree(test_path("broken")));
        write_png("broken", "a.png", 1, 1);
        write_text("broken", cases[i].name, cases[i].text);
        ASSERT_FAILS(VT_ERROR_INPUT, cases[i].words, open_source("broken"));
    }
    write_text("broken", "metadata.csv", "file_name,labels\n");
    ASSERT_FAILS(VT_ERROR_INPUT, "keep one of the two", open_source("broken"));
}

static void metadata_never_leads_out_of_the_folder(void **state) {
    (void)state;
    write_png("outside", "secret.png", 1, 1);
    write_png("inside", "a..b/a...png", 1, 1);
    write_text("inside", "metadata.csv", "file_name,label\n./a..b/a...png,x\n");
    ASSERT_OK(open_source("inside"));
    assert_int_equal(source.count, 1);
    write_text("inside", "metadata.csv", "file_name,label\na..b/a...png,x\n../outside/secret.png,y\n");
    ASSERT_FAILS(VT_ERROR_INPUT, ":3: '../outside/secret.png' leads out of this folder", open_source("inside"));
}

static void metadata_below_part_folders(void **state) {
    (void)state;
    write_png("parts", "train/a.png", 1, 1);
    write_png("parts", "val/a.png", 1, 2);
    write_png("parts", "test/a.png", 1, 3);
    write_text("parts", "train/metadata.csv", "file_name,label\na.png,x\n");
    write_text("parts", "val/metadata.csv", "file_name,label\na.png,y\n");
    write_text("parts", "test/metadata.csv", "file_name,label\na.png,x\n");
    ASSERT_OK(open_source("parts"));
    assert_true(source.has_folders);
    assert_int_equal(item_of("val/a.png")->part, VT_PART_VALIDATION);
    assert_int_equal(item_of("test/a.png")->part, VT_PART_TEST);
    ASSERT_OK(vt_remove_tree(test_path("parts/train/metadata.csv")));
    ASSERT_OK(vt_remove_tree(test_path("parts/val/metadata.csv")));
    ASSERT_OK(vt_remove_tree(test_path("parts/test/metadata.csv")));
    write_text("parts", "metadata.csv", "file_name,label\ntrain/a.png,x\nval/a.png,x\n");
    ASSERT_OK(open_source("parts"));
    assert_true(source.has_folders);
    assert_int_equal(item_of("val/a.png")->part, VT_PART_VALIDATION);
    assert_said("1 image files have no label and are left out, such as 'test/a.png'");
}

/* --- classes --- */

static void class_folders_with_and_without_parts(void **state) {
    (void)state;
    write_png("classes", "dog/1.png", 3, 1);
    write_png("classes", "cat/1.png", 3, 2);
    write_png("classes", "cat/deep/2.png", 3, 3);
    write_png("classes", "stray.png", 3, 3);
    write_text("classes", "cat/3.webp", "");
    write_text("classes", "labels.csv", "image;class\ndog/1.png;cat\n");
    ASSERT_OK(open_source("classes"));
    assert_said("classes/labels.csv: is not recognised as a table of labels and is left out; --table labels.csv says why");
    assert_int_equal(source.count, 3);
    assert_true(source.single_label && !source.has_folders && !source.patients_known);
    assert_string_equal(labels_of("cat/deep/2.png"), "cat");
    assert_string_equal(source.items[0].file_name, "cat/1.png");
    assert_said("1 image files have no label and are left out, such as 'stray.png'");
    assert_said("1 image files are in formats that can't be read");
    write_png("splits", "train/dog/1.png", 3, 1);
    write_png("splits", "dev/cat/1.png", 3, 2);
    ASSERT_OK(open_source("splits"));
    assert_true(source.has_folders);
    assert_int_equal(item_of("dev/cat/1.png")->part, VT_PART_VALIDATION);
    assert_string_equal(labels_of("train/dog/1.png"), "dog");
}

static void folders_for_parts_have_longer_names_too(void **state) {
    (void)state;
    write_png("longer", "train_images/dog/1.png", 3, 1);
    write_png("longer", "my-val 2/cat/1.png", 3, 2);
    write_png("longer", "Test.Set/cat/2.png", 3, 2);
    ASSERT_OK(open_source("longer"));
    assert_true(source.has_folders);
    assert_int_equal(source.count, 2); /* case counts, as it does for imagefolder */
    assert_int_equal(item_of("train_images/dog/1.png")->part, VT_PART_TRAIN);
    assert_int_equal(item_of("my-val 2/cat/1.png")->part, VT_PART_VALIDATION);
    assert_string_equal(labels_of("my-val 2/cat/1.png"), "cat");
    write_png("glass", "test-tube/old/1.png", 3, 1);
    write_png("glass", "beaker/1.png", 3, 2);
    ASSERT_OK(open_source("glass"));
    assert_false(source.has_folders);
    assert_string_equal(labels_of("test-tube/old/1.png"), "test-tube");
    assert_int_equal(vt_part_in_name("restraint", 9), VT_PART_NONE);
    assert_int_equal(vt_part_in_name("a.train", 7), VT_PART_TRAIN);
    assert_int_equal(vt_part_in_name("2test3train", 11), VT_PART_TEST);
    assert_int_equal(vt_part_in_name("", 0), VT_PART_NONE);
    write_png("longer_meta", "train_images/1.png", 3, 1);
    write_png("longer_meta", "validation-1/1.png", 3, 1);
    write_text("longer_meta", "train_images/metadata.csv", "file_name,label\n1.png,x\n");
    write_text("longer_meta", "validation-1/metadata.csv", "file_name,label\n1.png,x\n");
    ASSERT_OK(open_source("longer_meta"));
    assert_int_equal(item_of("validation-1/1.png")->part, VT_PART_VALIDATION);
}

static void what_is_no_data_set_is_said_so(void **state) {
    (void)state;
    write_text("nothing", "notes.txt", "hello");
    ASSERT_FAILS(VT_ERROR_INPUT, "not recognised as a data set", open_source("nothing"));
    write_png("one_class", "images/1.png", 3, 1);
    ASSERT_OK(open_source("one_class"));
    assert_said("'images' is the only class, so that there is nothing to tell apart");
    write_png("no_classes", "train/1.png", 3, 1); /* "train" is no class */
    write_png("no_classes", "test/2.png", 3, 1);
    ASSERT_FAILS(VT_ERROR_INPUT, "not recognised as a data set", open_source("no_classes"));
    ASSERT_FAILS(VT_ERROR_IO, "no such folder", open_source("nowhere"));
    ASSERT_FAILS(VT_ERROR_IO, "not a folder", open_source("nothing/notes.txt"));
}

static void links_upwards_and_to_nothing_are_passed_over_unless_they_are_images(void **state) {
    (void)state;
    write_png("loop", "cat/1.png", 1, 1);
    write_png("loop", "dog/1.png", 1, 1);
    assert_int_equal(symlink("..", test_path("loop/cat/up")), 0);
    assert_int_equal(symlink("nothing", test_path("loop/cat/latest")), 0);
    assert_int_equal(symlink("itself", test_path("loop/cat/itself")), 0);
    ASSERT_OK(open_source("loop"));
    assert_int_equal(source.count, 2);
    assert_int_equal(symlink("nothing.png", test_path("loop/cat/2.png")), 0);
    ASSERT_FAILS(VT_ERROR_IO, "cat/2.png: cannot look at this file", open_source("loop"));
}

/* --- the label option --- */

static void labels_are_kept_or_dropped(void **state) {
    (void)state;
    int64_t left_out;
    write_nih("choose");
    ASSERT_OK(open_source("choose"));
    ASSERT_OK(vt_labels_choose(&source, "-No Finding, -Mass", &left_out));
    assert_int_equal(source.labels.count, 5);
    assert_int_equal(source.count, 13);
    assert_string_equal(labels_of("5_0.png"), "Nodule");
    assert_string_equal(labels_of("4_0.png"), "");
    ASSERT_OK(vt_labels_choose(&source, "Hernia,Effusion", &left_out));
    assert_string_equal(source.labels.items[0], "Effusion");
    assert_string_equal(labels_of("3_0.png"), "Effusion|Hernia");
    assert_int_equal(left_out, 0);
    ASSERT_FAILS(VT_ERROR_USAGE, "unknown label 'Hernja'; known are Effusion, Hernia",
                 vt_labels_choose(&source, "Hernja", &left_out));
    ASSERT_FAILS(VT_ERROR_USAGE, "both keeps and drops", vt_labels_choose(&source, "Hernia,-Effusion", &left_out));
    ASSERT_FAILS(VT_ERROR_USAGE, "unknown label ''", vt_labels_choose(&source, "Hernia,", &left_out));
    ASSERT_FAILS(VT_ERROR_USAGE, "leaves no label", vt_labels_choose(&source, "-Hernia,-Effusion", &left_out));
}

static void dropped_classes_take_their_images_along(void **state) {
    (void)state;
    int64_t left_out;
    write_png("drop", "cat/1.png", 1, 1);
    write_png("drop", "dog/1.png", 1, 2);
    write_png("drop", "eel/1.png", 1, 3);
    ASSERT_OK(open_source("drop"));
    ASSERT_OK(vt_labels_choose(&source, "-dog", &left_out));
    assert_int_equal(left_out, 1);
    assert_int_equal(source.count, 2);
    assert_string_equal(labels_of("eel/1.png"), "eel");
    ASSERT_OK(vt_labels_report(&source, fresh_console()));
    assert_said("2 labels: ['cat', 'eel']");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(nih_layout_reads_archives_folders_and_lists, close_source),
        cmocka_unit_test_teardown(nih_layout_refuses_broken_input, close_source),
        cmocka_unit_test_teardown(labels_of_another_vocabulary_are_allowed, close_source),
        cmocka_unit_test_teardown(odd_lists_are_read_or_refused, close_source),
        cmocka_unit_test_teardown(an_image_in_both_lists_is_refused, close_source),
        cmocka_unit_test_teardown(the_same_loose_image_twice_is_refused_with_both_places, close_source),
        cmocka_unit_test_teardown(metadata_labels_come_in_every_shape, close_source),
        cmocka_unit_test_teardown(broken_metadata_is_refused, close_source),
        cmocka_unit_test_teardown(metadata_never_leads_out_of_the_folder, close_source),
        cmocka_unit_test_teardown(metadata_below_part_folders, close_source),
        cmocka_unit_test_teardown(class_folders_with_and_without_parts, close_source),
        cmocka_unit_test_teardown(folders_for_parts_have_longer_names_too, close_source),
        cmocka_unit_test_teardown(what_is_no_data_set_is_said_so, close_source),
        cmocka_unit_test_teardown(links_upwards_and_to_nothing_are_passed_over_unless_they_are_images, close_source),
        cmocka_unit_test_teardown(labels_are_kept_or_dropped, close_source),
        cmocka_unit_test_teardown(dropped_classes_take_their_images_along, close_source),
    };
    int failures = cmocka_run_group_tests(tests, NULL, NULL);
    remove_test_folder();
    return failures;
}
