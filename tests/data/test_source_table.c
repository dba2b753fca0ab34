/* Tables of labels: what is recognised, what becomes of labels that are uncertain or missing, and what is refused. */
#include "raw_data.h"

#include "data/source/labels.h"
#include "data/source/name_match.h"
#include "data/source/source.h"
#include "data/source/table.h"
#include <math.h>

static vt_source source;
static vt_label_options options;

static vt_status open_source(const char *root) {
    vt_source_free(&source);
    return vt_source_open(test_path(root), &options, fresh_console(), &source);
}

static int reset(void **state) {
    (void)state;
    vt_source_free(&source);
    options = (vt_label_options){0};
    return 0;
}

static const vt_item *item_of(const char *file_name) {
    for (size_t i = 0; i < source.count; i++)
        if (strcmp(source.items[i].file_name, file_name) == 0) return &source.items[i];
    fail_msg("no item '%s'", file_name);
    return NULL;
}

/* Of an item: a letter for each label, 1, 0 or ? (unknown). */
static const char *values_of(const char *file_name) {
    static char values[64];
    const vt_item *item = item_of(file_name);
    assert_true(source.labels.count < sizeof values);
    memset(values, '0', sizeof values);
    values[source.labels.count] = '\0';
    for (size_t i = 0; i < item->label_count; i++) values[source.label_ids[item->first_label + i]] = '1';
    for (size_t i = 0; i < item->unknown_count; i++) {
        assert_int_equal(values[source.unknown_ids[item->first_unknown + i]], '0');
        values[source.unknown_ids[item->first_unknown + i]] = '?';
    }
    return values;
}

/* "A,B" of all labels. */
static const char *label_names(void) {
    static char names[512];
    names[0] = '\0';
    for (size_t i = 0; i < source.labels.count; i++) {
        if (i) strcat(names, ",");
        strcat(names, source.labels.items[i]);
    }
    return names;
}

/* CheXpert's layout, four images: "Sex" and "Age" are no labels, nor is "Support Devices", which is always empty. */
static void write_chexpert(const char *root) {
    static const char header[] = "Path,Sex,Age,Frontal/Lateral,No Finding,Edema,Cardiomegaly,Support Devices\n";
    char text[1024];
    snprintf(text, sizeof text, "%s%s", header,
             "CheXpert-v1.0-small/train/patient00001/study1/view1_frontal.jpg,Female,68,Frontal,1.0,,,\n"
             "CheXpert-v1.0-small/train/patient00002/study1/view1_frontal.jpg,Male,0,Frontal,,-1.0,1.0,\n"
             "CheXpert-v1.0-small/train/patient00002/study1/view2_lateral.jpg,Male,1,Lateral,,0.0,-1.0,\n");
    write_text(root, "train.csv", text);
    snprintf(text, sizeof text, "%s%s", header,
             "CheXpert-v1.0-small/valid/patient64541/study1/view1_frontal.jpg,Male,73,Frontal,0.0,1.0,0.0,\n");
    write_text(root, "valid.csv", text);
    write_text(root, "train_visualCheXbert.csv", "Path,Edema\nx.jpg,1\n");
    write_png(root, "train/patient00001/study1/view1_frontal.jpg", 1, 1);
    write_png(root, "train/patient00002/study1/view1_frontal.jpg", 1, 2);
    write_png(root, "train/patient00002/study1/view2_lateral.jpg", 1, 3);
    write_png(root, "valid/patient64541/study1/view1_frontal.jpg", 1, 4);
}

static void chexpert_is_recognised(void **state) {
    (void)state;
    write_chexpert("chexpert");
    ASSERT_OK(open_source("chexpert"));
    assert_int_equal(source.count, 4);
    assert_string_equal(label_names(), "Cardiomegaly,Edema,No Finding");
    assert_string_equal(values_of("train/patient00001/study1/view1_frontal.jpg"), "??1");
    assert_string_equal(values_of("train/patient00002/study1/view1_frontal.jpg"), "1??");
    assert_string_equal(values_of("train/patient00002/study1/view2_lateral.jpg"), "?0?");
    assert_string_equal(values_of("valid/patient64541/study1/view1_frontal.jpg"), "010");
    assert_string_equal(item_of("train/patient00002/study1/view2_lateral.jpg")->patient_id, "patient00002");
    assert_int_equal(item_of("train/patient00001/study1/view1_frontal.jpg")->part, VT_PART_TRAIN);
    assert_int_equal(item_of("valid/patient64541/study1/view1_frontal.jpg")->part, VT_PART_VALIDATION);
    assert_true(source.has_folders && source.patients_known && !source.single_label);
    assert_int_equal(source.uncertain_values, 2);
    assert_int_equal(source.missing_values, 4);
    assert_said("train.csv: table of labels, 3 rows: images by 'Path' (path that begins with the data set's own folder), "
                "patients by folders such as patient00001, all for train");
    assert_said("columns left out: Sex, Age, Frontal/Lateral, Support Devices");
    assert_said("3 columns are labels: No Finding, Edema, Cardiomegaly");
    assert_said("train_visualCheXbert.csv: left out");
}

static void policies_decide_what_unknown_labels_become(void **state) {
    (void)state;
    static const struct {
        vt_unknown_policy uncertain, missing;
        const char *values; /* of the second image and of the third */
    } cases[] = {
        {VT_UNKNOWN_IGNORE, VT_UNKNOWN_IGNORE, "1?? ?0?"}, {VT_UNKNOWN_ZERO, VT_UNKNOWN_IGNORE, "10? 00?"},
        {VT_UNKNOWN_ONE, VT_UNKNOWN_IGNORE, "11? 10?"},    {VT_UNKNOWN_IGNORE, VT_UNKNOWN_ZERO, "1?0 ?00"},
        {VT_UNKNOWN_ZERO, VT_UNKNOWN_ZERO, "100 000"},     {VT_UNKNOWN_ONE, VT_UNKNOWN_ZERO, "110 100"},
    };
    char values[64];
    write_chexpert("policies");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        options = (vt_label_options){.uncertain = cases[i].uncertain, .missing = cases[i].missing};
        ASSERT_OK(open_source("policies"));
        snprintf(values, sizeof values, "%s ", values_of("train/patient00002/study1/view1_frontal.jpg"));
        strcat(values, values_of("train/patient00002/study1/view2_lateral.jpg"));
        assert_string_equal(values, cases[i].values);
        assert_int_equal(source.labels.count, 3);
    }
    options = (vt_label_options){.missing = VT_UNKNOWN_ONE};
    ASSERT_FAILS(VT_ERROR_USAGE, "missing: 2; expected to ignore", open_source("policies"));
    options = (vt_label_options){.uncertain = (vt_unknown_policy)3};
    ASSERT_FAILS(VT_ERROR_USAGE, "uncertain: 3 names no policy", open_source("policies"));
}

static void the_table_of_labels_counts_unknown_ones(void **state) {
    (void)state;
    int64_t left_out;
    write_chexpert("counts");
    ASSERT_OK(open_source("counts"));
    ASSERT_OK(vt_labels_report(&source, fresh_console()));
    assert_said("  Cardiomegaly                       1 positive         1 negative         2 unknown");
    assert_said("  No Finding                         1 positive         1 negative         2 unknown");
    assert_said("2 labels of images are uncertain (-1): ignored");
    assert_said("4 labels of images are missing: ignored");
    ASSERT_OK(vt_labels_choose(&source, "-Cardiomegaly", &left_out));
    assert_string_equal(label_names(), "Edema,No Finding");
    assert_string_equal(values_of("train/patient00002/study1/view1_frontal.jpg"), "??");
    assert_string_equal(values_of("train/patient00002/study1/view2_lateral.jpg"), "0?");
    ASSERT_OK(vt_labels_choose(&source, "No Finding", &left_out));
    assert_string_equal(values_of("train/patient00001/study1/view1_frontal.jpg"), "1");
    assert_string_equal(values_of("train/patient00002/study1/view2_lateral.jpg"), "?");
    options.missing = VT_UNKNOWN_ZERO;
    options.uncertain = VT_UNKNOWN_ONE;
    ASSERT_OK(open_source("counts"));
    ASSERT_OK(vt_labels_report(&source, fresh_console()));
    assert_said("Cardiomegaly                 2 images");
    assert_said("2 labels of images are uncertain (-1): taken as 1");
}

static void many_missing_labels_are_warned_about(void **state) {
    (void)state;
    write_png("sparse", "a.png", 1, 1);
    write_text("sparse", "labels.csv", "image,A,B,C\na,1,,\n");
    ASSERT_OK(open_source("sparse"));
    assert_string_equal(label_names(), "A");
    write_text("sparse", "labels.csv", "image,A,B,C\na,1,,\nb,,1,1\n");
    write_png("sparse", "b.png", 1, 1);
    ASSERT_OK(open_source("sparse"));
    assert_null(strstr(console_text, "are empty")); /* three of six */
    write_text("sparse", "labels.csv", "image,A,B,C\na,1,,\nb,,,1\nc,,1,\n");
    write_png("sparse", "c.png", 1, 1);
    ASSERT_OK(open_source("sparse"));
    assert_said("warning: 67 % of the labels are empty");
    options.missing = VT_UNKNOWN_ZERO;
    ASSERT_OK(open_source("sparse"));
    assert_null(strstr(console_text, "are empty"));
}

static void padchest_lists_are_read(void **state) {
    (void)state;
    write_text("padchest", "PADCHEST_chest_x_ray_images_labels_160K_01.02.19.csv",
               "\xef\xbb\xbf,ImageID,ImageDir,PatientID,Projection,Pediatric,Labels,LabelCUIS\r\n"
               "0,1_a.png,0,839,L,No,\"['pulmonary fibrosis', ' chronic changes', '']\",['C0034069']\r\n"
               "1,1_b.png,0,839,PA,No,['normal'],[]\r\n"
               "2,1_c.png,1,840,PA,No,\"[\"\"Hodgkin's\"\", 'normal']\",[]\r\n"
               "3,1_d.png,1,841,PA,No,nan,[]\r\n"
               "4,1_e.png,1,842,PA,No,[],[]\r\n");
    const char *const images[] = {"0/1_a.png", "0/1_b.png", "1/1_c.png", "1/1_d.png", "1/1_e.png"};
    for (int i = 0; i < 5; i++) write_png("padchest", images[i], 1, i);
    ASSERT_OK(open_source("padchest"));
    assert_int_equal(source.count, 4);
    assert_string_equal(label_names(), "Hodgkin's,chronic changes,normal,pulmonary fibrosis");
    assert_string_equal(values_of("0/1_a.png"), "0101");
    assert_string_equal(values_of("1/1_c.png"), "1010");
    assert_string_equal(values_of("1/1_e.png"), "0000");
    assert_string_equal(item_of("0/1_b.png")->patient_id, "839");
    assert_true(!source.single_label && !source.has_folders);
    assert_said("images by 'ImageID' (bare name), patients by 'PatientID', labels by 'Labels'");
    assert_said("columns left out: '', ImageDir, Projection, Pediatric, LabelCUIS");
    assert_said("warning: 1 rows have no labels and are left out");
    options.missing = VT_UNKNOWN_ZERO;
    ASSERT_OK(open_source("padchest"));
    assert_string_equal(values_of("1/1_d.png"), "0000");
}

static void classes_in_a_column(void **state) {
    (void)state;
    write_text("ham", "HAM10000_metadata.csv",
               "lesion_id,image_id,dx,age,sex,dataset\nL1,ISIC_1,bkl,80.0,male,v\nL1,ISIC_2,nv,,male,v\nL2,ISIC_3,,1.0,male,v\n"
               "L3,ISIC_4,nv,0.0,male,v\n");
    for (int i = 1; i <= 3; i++) {
        char name[64];
        snprintf(name, sizeof name, "HAM10000_images_part_%d/ISIC_%d.jpg", i % 2, i);
        write_png("ham", name, 3, i);
    }
    options.patient_column = "lesion_id";
    ASSERT_OK(open_source("ham"));
    assert_int_equal(source.count, 2);
    assert_true(source.single_label);
    assert_string_equal(label_names(), "bkl,nv");
    assert_string_equal(values_of("HAM10000_images_part_0/ISIC_2.jpg"), "01");
    assert_string_equal(item_of("HAM10000_images_part_0/ISIC_2.jpg")->patient_id, "L1");
    assert_said("images by 'image_id' (bare name without suffix)");
    assert_said("warning: 1 rows have no labels and are left out");
    assert_said("warning: 1 listed images are absent, such as 'ISIC_4'");
    assert_said("warning: 1 image files have no label and are left out");
    options.missing = VT_UNKNOWN_ZERO; /* a class cannot be missing */
    ASSERT_OK(open_source("ham"));
    assert_int_equal(source.count, 2);
    assert_said("warning: 1 images have no class and are left out");
    options = (vt_label_options){0};
    ASSERT_OK(open_source("ham"));
    assert_false(source.patients_known);
    write_text("ham", "HAM10000_metadata.csv", "image_id,target\nISIC_1,2\nISIC_2,0\nISIC_3,-1\n");
    ASSERT_OK(open_source("ham"));
    assert_string_equal(label_names(), "LABEL_0,LABEL_1,LABEL_2");
    assert_string_equal(values_of("HAM10000_images_part_1/ISIC_1.jpg"), "001");
    assert_int_equal(source.count, 2);
}

static void columns_are_chosen_by_name(void **state) {
    (void)state;
    write_text("named", "stage_2.csv", "patientId,who,Target,Age,Mass,fold\nx1,p,1,1,0,0\nx2,q,0,0,1,1\n");
    write_png("named", "x1.png", 1, 1);
    write_png("named", "x2.png", 1, 2);
    ASSERT_FAILS(VT_ERROR_INPUT, "not recognised as a data set", open_source("named"));
    options = (vt_label_options){.table = "stage_2.csv"};
    ASSERT_FAILS(VT_ERROR_USAGE, "no column is recognised as the image's", open_source("named"));
    options = (vt_label_options){.image_column = "patientId", .patient_column = "who", .label_columns = "Age, Mass"};
    ASSERT_OK(open_source("named"));
    assert_string_equal(label_names(), "Age,Mass");
    assert_string_equal(values_of("x1.png"), "10");
    assert_string_equal(item_of("x2.png")->patient_id, "q");
    options.label_columns = "Target";
    options.patient_column = "";
    ASSERT_OK(open_source("named"));
    assert_true(source.single_label && !source.patients_known);
    options.label_columns = "Mass";
    ASSERT_OK(open_source("named"));
    assert_string_equal(label_names(), "Mass");
    assert_false(source.single_label);
    options.label_columns = "who";
    ASSERT_OK(open_source("named"));
    assert_string_equal(label_names(), "p,q");
    options.label_columns = "Mass,who";
    ASSERT_FAILS(VT_ERROR_INPUT, "stage_2.csv:2: 'who' is 'p'; expected 1, 0, -1", open_source("named"));
    options.label_columns = "Mass,Edema";
    ASSERT_FAILS(VT_ERROR_USAGE, "no column 'Edema'; its columns are patientId, who, Target, Age, Mass, fold",
                 open_source("named"));
    options = (vt_label_options){.table = "stage_2.csv", .image_column = "img"};
    ASSERT_FAILS(VT_ERROR_USAGE, "image_column: ", open_source("named"));
    assert_non_null(strstr(vt_error_message(), "'img'"));
    options = (vt_label_options){.table = "stage_2.csv", .image_column = "patientId", .patient_column = "nobody"};
    ASSERT_FAILS(VT_ERROR_USAGE, "patient_column: ", open_source("named"));
    options = (vt_label_options){.table = "no_such.csv"};
    ASSERT_FAILS(VT_ERROR_IO, "no_such.csv", open_source("named"));
    options = (vt_label_options){.image_column = "img"};
    ASSERT_FAILS(VT_ERROR_INPUT, "'img'", open_source("named"));
}

static void values_are_read_in_many_spellings(void **state) {
    (void)state;
    write_text("spelt", "labels.csv", "image,A,B\nx1, 1 ,true\nx2,0.00,FALSE\nx3, , 1e0\nx4,-1.00,n/a\n");
    for (int i = 1; i <= 4; i++) write_png("spelt", (const char *[]){"x1.png", "x2.png", "x3.png", "x4.png"}[i - 1], 1, i);
    ASSERT_OK(open_source("spelt"));
    assert_string_equal(label_names(), "A,B");
    assert_string_equal(values_of("x1.png"), "11");
    assert_string_equal(values_of("x2.png"), "00");
    assert_string_equal(values_of("x3.png"), "?1");
    assert_string_equal(values_of("x4.png"), "??");
}

static void labels_with_commas_are_chosen_in_quotes(void **state) {
    (void)state;
    int64_t left_out;
    write_text("commas", "labels.csv", "image,\"normal, benign\",other,Age\nx1,1,0,1\nx2,0,1,0\n");
    write_png("commas", "x1.png", 1, 1);
    write_png("commas", "x2.png", 1, 2);
    options.label_columns = "\"normal, benign\", other";
    ASSERT_OK(open_source("commas"));
    assert_int_equal(source.labels.count, 2);
    ASSERT_FAILS(VT_ERROR_USAGE, "unknown label 'normal'; known are \"normal, benign\", other",
                 vt_labels_choose(&source, "normal, benign", &left_out));
    ASSERT_OK(vt_labels_choose(&source, "-\"normal, benign\"", &left_out));
    assert_string_equal(label_names(), "other");
    options.label_columns = "\"normal, benign";
    ASSERT_FAILS(VT_ERROR_USAGE, "label_columns: \"normal, benign: expected names", open_source("commas"));
}

static void a_table_from_elsewhere(void **state) {
    (void)state;
    char both[1100];
    write_text("elsewhere", "a.csv", "image,X\ny1.png,1\n");
    write_text("elsewhere", "b.csv", "image,X,Y\ny2.png,0,1\n");
    write_png("images_only", "y1.png", 1, 1);
    write_png("images_only", "y2.png", 1, 2);
    snprintf(both, sizeof both, "%s,%s", test_path("elsewhere/a.csv"), test_path("elsewhere/b.csv"));
    options.table = both;
    ASSERT_OK(open_source("images_only"));
    assert_string_equal(label_names(), "X,Y");
    assert_string_equal(values_of("y1.png"), "1?");
    assert_string_equal(values_of("y2.png"), "01");
    options.table = NULL;
    write_png("elsewhere", "y1.png", 1, 1);
    ASSERT_FAILS(VT_ERROR_USAGE, "a.csv: a table of labels, as is 'b.csv'; name the one to read with table",
                 open_source("elsewhere"));
}

static void splits_come_from_a_column_or_from_folders(void **state) {
    (void)state;
    write_png("parts", "1.png", 1, 1);
    write_png("parts", "2.png", 1, 2);
    write_png("parts", "3.png", 1, 3);
    write_text("parts", "labels.csv", "id,split,A\n1,TRAIN,1\n2,validate,0\n3,Test,True\n");
    ASSERT_OK(open_source("parts"));
    assert_true(source.has_folders);
    assert_int_equal(item_of("1.png")->part, VT_PART_TRAIN);
    assert_int_equal(item_of("2.png")->part, VT_PART_VALIDATION);
    assert_int_equal(item_of("3.png")->part, VT_PART_TEST);
    assert_string_equal(label_names(), "A");
    write_text("parts", "labels.csv", "id,fold,A\n1,0,1\n2,1,0\n3,1,1\n");
    ASSERT_OK(open_source("parts"));
    assert_false(source.has_folders);
    assert_said("columns left out: fold");
    write_png("below", "train/1.png", 1, 1);
    write_png("below", "test/2.png", 1, 1);
    write_text("below", "labels.csv", "path,A\ntrain/1.png,1\ntest/2.png,0\n");
    ASSERT_OK(open_source("below"));
    assert_true(source.has_folders);
    assert_int_equal(item_of("test/2.png")->part, VT_PART_TEST);
}

static void archives_beside_a_table(void **state) {
    (void)state;
    write_text("packed", "labels.csv", "Image Index,A,B\n1.png,1,0\nsub/2.png,0,1\n");
    struct archive *archive = begin_archive("packed", "images_01.tar.gz");
    add_png_member(archive, "images/1.png", 1, 1);
    add_png_member(archive, "images/2.png", 1, 2);
    end_archive(archive);
    ASSERT_OK(open_source("packed"));
    assert_int_equal(source.count, 2);
    assert_string_equal(values_of("2.png"), "01");
    write_text("packed", "labels.csv", "Image Index,A,B\n1.png,1,0\nsub/2,0,1\n");
    ASSERT_FAILS(VT_ERROR_INPUT, "labels.csv:3: 'sub/2': not the name of an image", open_source("packed"));
}

static void folders_of_images_are_no_classes_where_a_table_is(void **state) {
    (void)state;
    write_png("odir", "preprocessed_images/0_left.jpg", 3, 1);
    write_png("odir", "preprocessed_images/0_right.jpg", 3, 2);
    write_text(
        "odir", "full_df.csv",
        "ID,Sex,N,D,labels,target,filename\n0,Male,0,1,['N'],\"[1, 0]\",0_left.jpg\n0,Male,0,1,['D'],\"[0, 1]\",0_right.jpg\n");
    ASSERT_OK(open_source("odir"));
    assert_string_equal(label_names(), "D,N");
    assert_string_equal(values_of("preprocessed_images/0_left.jpg"), "01");
    options.label_columns = "target";
    ASSERT_OK(open_source("odir"));
    assert_string_equal(label_names(), "LABEL_0,LABEL_1");
    options = (vt_label_options){0};
    write_text("odir", "full_df.csv",
               "ID,N,D,labels,filename\n0,0,1,,0_left.jpg\n0,1,1,nan,0_right.jpg\n"); /* no labels there */
    ASSERT_OK(open_source("odir"));
    assert_string_equal(label_names(), "D,N");
    write_text("odir", "train.csv", "filename,N\n0_left.jpg,1\n");
    write_text("odir", "test.csv", "filename,labels\n0_right.jpg,[]\n0_left.jpg,['X']\n");
    ASSERT_OK(open_source("odir"));
    assert_string_equal(label_names(), "X");
    assert_said("train.csv: left out");
    write_text("classes", "results.csv", "epoch,loss\n1,0.5\n");
    write_text("classes", "broken.csv", "a,\"b\n");
    write_png("classes", "cat/1.png", 3, 1);
    ASSERT_OK(open_source("classes"));
    assert_string_equal(label_names(), "cat");
    ASSERT_OK(vt_remove_tree(test_path("classes/cat")));
    ASSERT_FAILS(VT_ERROR_INPUT, "broken.csv:1: a quote is never closed", open_source("classes"));
}

static void broken_tables_are_refused(void **state) {
    (void)state;
    static const struct {
        const char *text, *words;
    } cases[] = {
        {"image,A,patient\na.png,1,p\n./a.png,0,q\n", "broken/labels.csv:3: the patient of 'a.png' is 'q', but 'p' by "},
        {"image,A,patient\na.png,1,p\na.png,0,q\n", "broken/labels.csv:2; expected the same in all its rows"},
        {"image,A,split\na.png,1,train\na.png,1,train\na.png,0,test\n", ":4: the split of 'a.png' is 'test', but 'train' by "},
        {"image,A\n,1\n", ":2: the file name is empty"},
        {"image,A\nb.png,1\n", "none of the 1 listed images is there"},
        {"image,A\na.png,1,1\n", ":2"},
        {"image,A,patient_id\na.png,1,\n", ":2: the patient is empty"},
        {"image,A\n../a.png/..,1\n", "none of the 1 listed images"},
        {"image,A\na.png,2\n", "not recognised"},
        {"image,A\na.png,\n", "not recognised"},
        {"image,A\n", "not recognised"},
        {"image,labels\na.png,['x'\n", ":2: the list of labels: character 5: no ',' or ']'"},
        {"image,labels\na.png,\"['x', 1]\"\n", ":2: the labels are a list of mixed kinds"},
        {"image,labels\na.png,\"[1, 0.5]\"\n", ":2: 'LABEL_1' is 0.5; expected 0, 1, -1 (uncertain) or nothing"},
        {"image,labels\na.png,x||y\n", "an empty label"},
    };
    write_png("broken", "a.png", 1, 1);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        write_text("broken", "labels.csv", cases[i].text);
        ASSERT_FAILS(VT_ERROR_INPUT, cases[i].words, open_source("broken"));
    }
}

/* --- several rows of one image --- */

/* VinDr-CXR: three readers, a column per finding; b.png has one row, c.png the same one twice. */
static void rows_of_an_image_are_merged(void **state) {
    (void)state;
    write_text("readers", "image_labels.csv",
               "image_id,rad_id,patient_id,Edema,Mass,Nodule,Hernia,No finding\n"
               "a,R1,p,0,,0,,-1\nb,R1,q,0,1,,0,0\na,R2,p,1,,,,0\nc,R1,p,1,,0,-1,0\na,R3,p,0,,0,-1,\nc,R1,p,1,,0,-1,0\n");
    write_png("readers", "a.png", 1, 1);
    write_png("readers", "b.png", 1, 2);
    write_png("readers", "c.png", 1, 3);
    ASSERT_OK(open_source("readers"));
    assert_int_equal(source.count, 3);
    assert_string_equal(label_names(), "Edema,Hernia,Mass,No finding,Nodule");
    assert_string_equal(values_of("a.png"), "1??00");
    assert_string_equal(values_of("b.png"), "0010?");
    assert_string_equal(values_of("c.png"), "1??00");
    assert_string_equal(source.items[0].file_name, "a.png");
    assert_string_equal(source.items[2].file_name, "c.png");
    assert_string_equal(item_of("a.png")->patient_id, "p");
    assert_int_equal(item_of("c.png")->line, 5);
    assert_said("2 images have more than one row: a label is positive where any of them says so");
    options.uncertain = VT_UNKNOWN_ONE;
    options.missing = VT_UNKNOWN_ZERO;
    ASSERT_OK(open_source("readers"));
    assert_string_equal(values_of("a.png"), "11010");
    ASSERT_OK(vt_labels_report(&source, fresh_console()));
    assert_said("Edema                        2 images");
}

/* RSNA's boxes: a row for each, and the class of the whole image in all of them. */
static void boxes_of_one_class_stay_classes(void **state) {
    (void)state;
    options.image_column = "patientId";
    write_text("boxes", "stage_2_train_labels.csv",
               "patientId,x,y,width,height,Target\nx1,,,,,0\nx2,1,2,3,4,1\nx2,5,6,7,8,1\nx2,5,6,7,8,1\n");
    write_png("boxes", "x1.png", 1, 1);
    write_png("boxes", "x2.png", 1, 2);
    ASSERT_OK(open_source("boxes"));
    assert_true(source.single_label);
    assert_int_equal(source.count, 2);
    assert_string_equal(values_of("x1.png"), "10");
    assert_string_equal(values_of("x2.png"), "01");
    assert_said("1 images have more than one row");
    assert_null(strstr(console_text, "more than one class"));
}

/* A row per finding, as VinDr-CXR's boxes have it. */
static void images_of_several_classes_are_multi_label(void **state) {
    (void)state;
    write_text("findings", "annotations.csv",
               "image_id,rad_id,class_name,x_min\na,R1,Mass,1\nb,R1,No finding,\na,R2,Edema,3\na,R3,Mass,2\n");
    write_png("findings", "a.png", 1, 1);
    write_png("findings", "b.png", 1, 2);
    ASSERT_OK(open_source("findings"));
    assert_false(source.single_label);
    assert_string_equal(label_names(), "Edema,Mass,No finding");
    assert_string_equal(values_of("a.png"), "110");
    assert_string_equal(values_of("b.png"), "001");
    assert_int_equal(item_of("a.png")->label_count, 2);
    assert_said("1 of them have more than one class");
}

/* Tables for one part each cannot share an image; those named together may have different labels of it. */
static void rows_in_several_tables(void **state) {
    (void)state;
    write_text("tables", "train.csv", "image,A\na,1\nb,0\n");
    write_text("tables", "test.csv", "image,A\nc,1\na,1\n");
    for (int i = 0; i < 3; i++) write_png("tables", (const char *[]){"a.png", "b.png", "c.png"}[i], 1, i);
    ASSERT_FAILS(VT_ERROR_INPUT, "the split of 'a.png' is '", open_source("tables"));
    ASSERT_FAILS(VT_ERROR_INPUT, "tables/train.csv:2", open_source("tables"));
    ASSERT_FAILS(VT_ERROR_INPUT, "tables/test.csv:3", open_source("tables"));
    write_text("tables", "one.csv", "image,A\na,1\nb,0\nc,0\n");
    write_text("tables", "two.csv", "image,B,C\na,0,1\nc,0,\n");
    options.table = "one.csv,two.csv";
    ASSERT_OK(open_source("tables"));
    assert_string_equal(values_of("a.png"), "101");
    assert_string_equal(values_of("b.png"), "0??");
    assert_string_equal(values_of("c.png"), "00?");
    assert_null(strstr(console_text, "of the labels are empty"));
}

/* --- one-hot columns --- */

static void one_hot_columns_are_classes_if_asked_for(void **state) {
    (void)state;
    static const char *const images[] = {"ISIC_1.jpg", "ISIC_2.jpg", "ISIC_3.jpg", "ISIC_4.jpg"};
    write_text("isic", "ISIC_2019_Training_GroundTruth.csv",
               "image,MEL,NV,UNK\nISIC_1,1.0,0.0,0.0\nISIC_2,0.0,1.0,-1.0\nISIC_3,0.0,0.0,0.0\nISIC_4,,,0.0\n");
    for (int i = 0; i < 4; i++) write_png("isic", images[i], 3, i);
    ASSERT_OK(open_source("isic"));
    assert_false(source.single_label);
    assert_int_equal(source.count, 4);
    options.single_label = 1;
    ASSERT_OK(open_source("isic"));
    assert_true(source.single_label);
    assert_int_equal(source.count, 2);
    assert_int_equal(source.labels.count, 3);
    assert_string_equal(values_of("ISIC_1.jpg"), "100");
    assert_string_equal(values_of("ISIC_2.jpg"), "010");
    assert_said("warning: 2 images have no class and are left out");
    options.uncertain = VT_UNKNOWN_ONE;
    ASSERT_FAILS(VT_ERROR_INPUT, "'ISIC_2.jpg' (line 3 of its list) has the labels 'NV' and 'UNK'; expected one for each image",
                 open_source("isic"));
    options.uncertain = VT_UNKNOWN_IGNORE;
    options.label_columns = "UNK,MEL"; /* the second has neither */
    ASSERT_OK(open_source("isic"));
    assert_int_equal(source.count, 1);
    write_text("isic", "ISIC_2019_Training_GroundTruth.csv", "image,MEL,UNK\nISIC_1,0,0\n");
    ASSERT_FAILS(VT_ERROR_INPUT, "none of the images has a class", open_source("isic"));
    write_text("isic", "ISIC_2019_Training_GroundTruth.csv", "image,dx\nISIC_1,nv\nISIC_2,mel\nISIC_1,mel\n");
    options.label_columns = NULL;
    ASSERT_FAILS(VT_ERROR_INPUT, "'ISIC_1.jpg' (line 2 of its list) has the labels 'mel' and 'nv'", open_source("isic"));
}

static void single_labels_of_other_layouts(void **state) {
    (void)state;
    options.single_label = 1;
    write_text("hot", "metadata.jsonl",
               "{\"file_name\": \"a.png\", \"labels\": [0, 1]}\n{\"file_name\": \"b.png\", \"labels\": [1, 0]}\n"
               "{\"file_name\": \"c.png\", \"labels\": [0, 0]}\n");
    write_png("hot", "a.png", 1, 1);
    write_png("hot", "b.png", 1, 2);
    write_png("hot", "c.png", 1, 3);
    ASSERT_OK(open_source("hot"));
    assert_true(source.single_label);
    assert_string_equal(values_of("a.png"), "01");
    assert_int_equal(source.count, 2);
    write_text("hot", "metadata.jsonl", "{\"file_name\": \"a.png\", \"labels\": [1, 1]}\n");
    ASSERT_FAILS(VT_ERROR_INPUT, "'a.png' (line 1 of its list) has the labels 'LABEL_0' and 'LABEL_1'", open_source("hot"));
    write_png("folders", "cat/1.png", 1, 1);
    write_png("folders", "dog/1.png", 1, 2);
    ASSERT_OK(open_source("folders"));
    assert_int_equal(source.count, 2);
    write_nih("findings-of-nih");
    ASSERT_FAILS(VT_ERROR_USAGE, "single_label: ", open_source("findings-of-nih"));
}

/* --- names --- */

/* The way in which `names` ("a b c") stand for the files of a folder, and the file of the first. */
static void check_names(const char *names, const char *way, const char *first) {
    vt_files files = {0};
    vt_strings list = {0};
    vt_name_match match;
    char copy[256], *rest = NULL;
    ASSERT_OK(vt_files_scan(test_path("names"), VT_KEY_RELATIVE, &files));
    snprintf(copy, sizeof copy, "%s", names);
    for (char *name = strtok_r(copy, " ", &rest); name; name = strtok_r(NULL, " ", &rest))
        ASSERT_OK(vt_strings_add(&list, name, strlen(name)));
    ASSERT_OK(vt_name_match_make(&files, &list, &match));
    assert_string_equal(vt_name_match_way(&match), way);
    int64_t file = vt_name_match_find(&match, list.items[0]);
    assert_string_equal(file < 0 ? "none" : files.items[file].key, first);
    vt_name_match_free(&match);
    vt_strings_free(&list);
    vt_files_free(&files);
}

static void names_stand_for_files_in_one_way(void **state) {
    (void)state;
    write_png("names", "p1/view1.png", 1, 1);
    write_png("names", "p2/view1.png", 1, 1);
    write_png("names", "p3/view2.jpg", 1, 1);
    check_names("p1/view1.png p2/view1.png", "path", "p1/view1.png");
    check_names("./p1/view1.png", "path", "p1/view1.png");
    check_names("set/p2/view1.png set/p1/view1.png", "path that begins with the data set's own folder", "p2/view1.png");
    check_names("p1/view1 p3/view2", "path without suffix", "p1/view1.png");
    check_names("s/p1/view1 s/p3/view2", "path that begins with the data set's own folder, without suffix", "p1/view1.png");
    check_names("p3/view2.png", "path without suffix", "p3/view2.jpg");
    check_names("view2.jpg view3.jpg", "bare name", "p3/view2.jpg");
    check_names("../input/images/view2", "bare name without suffix", "p3/view2.jpg");
    check_names("view1.png", "none", "none");                 /* two files are called so */
    check_names("p7/view2.jpg p8/view2.jpg", "none", "none"); /* both cannot be p3/view2.jpg */
}

/* --- metadata --- */

static void unknown_labels_in_metadata(void **state) {
    (void)state;
    write_png("meta", "a.png", 1, 1);
    write_png("meta", "b.png", 1, 2);
    write_png("meta", "N\"aN,NaN.png", 1, 3);
    write_text("meta", "metadata.jsonl",
               "{\"file_name\":\"a.png\",\"labels\":[1,null,-1]}\n{\"file_name\":\"b.png\",\"labels\":[NaN, 0, 1.0]}\n"
               "{\"file_name\":\"N\\\"aN,NaN.png\",\"labels\":[-1.0,NaN,NaN]}\n");
    ASSERT_OK(open_source("meta"));
    assert_string_equal(values_of("a.png"), "1??");
    assert_string_equal(values_of("b.png"), "?01");
    assert_string_equal(values_of("N\"aN,NaN.png"), "???");
    options = (vt_label_options){.uncertain = VT_UNKNOWN_ONE, .missing = VT_UNKNOWN_ZERO};
    ASSERT_OK(open_source("meta"));
    assert_string_equal(values_of("a.png"), "101");
    assert_string_equal(values_of("b.png"), "001");
    options = (vt_label_options){0};
    write_text("meta", "metadata.jsonl",
               "{\"file_name\":\"a.png\",\"label\":2}\n{\"file_name\":\"b.png\",\"label\":-1}\n"
               "{\"file_name\":\"N\\\"aN,NaN.png\",\"label\":null}\n");
    ASSERT_OK(open_source("meta"));
    assert_int_equal(source.count, 1);
    assert_said("warning: 1 images have no class and are left out");
    assert_said("metadata.jsonl: 1 rows have no labels and are left out");
    ASSERT_OK(vt_remove_tree(test_path("meta/metadata.jsonl")));
    write_text("meta", "metadata.csv", "file_name,labels\na.png,\"['x', 'y']\"\nb.png,\n\"N\"\"aN,NaN.png\",['y']\n");
    ASSERT_OK(open_source("meta"));
    assert_int_equal(source.count, 2);
    assert_string_equal(values_of("a.png"), "11");
    assert_said("warning: 1 image files have no label and are left out, such as 'b.png'");
}

static void a_label_that_is_there_is_not_unknown(void **state) {
    (void)state;
    ASSERT_OK(vt_map_create(&source.by_name));
    ASSERT_OK(vt_map_create(&source.by_label));
    source.options = &options;
    ASSERT_OK(vt_source_add(&source, "a.png", "list", 1));
    static const struct {
        const char *label;
        double value;
    } values[] = {{"C", NAN}, {"B", 1}, {"D", -1}, {"B", NAN}, {"A", NAN}, {"A", 1}, {"C", -1}, {"B", 1}, {"E", 0}};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++)
        ASSERT_OK(vt_source_add_value(&source, values[i].label, 1, values[i].value, "list", 1));
    ASSERT_FAILS(VT_ERROR_INPUT, "list:1: 'A' is 2; expected 0, 1", vt_source_add_value(&source, "A", 1, 2.0, "list", 1));
    ASSERT_OK(vt_source_sort_labels(&source));
    assert_string_equal(label_names(), "A,B,C,D,E");
    assert_string_equal(values_of("a.png"), "11??0");
    assert_int_equal(item_of("a.png")->label_count, 2);
    assert_int_equal(item_of("a.png")->unknown_count, 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(chexpert_is_recognised, reset),
        cmocka_unit_test_teardown(policies_decide_what_unknown_labels_become, reset),
        cmocka_unit_test_teardown(the_table_of_labels_counts_unknown_ones, reset),
        cmocka_unit_test_teardown(many_missing_labels_are_warned_about, reset),
        cmocka_unit_test_teardown(padchest_lists_are_read, reset),
        cmocka_unit_test_teardown(classes_in_a_column, reset),
        cmocka_unit_test_teardown(columns_are_chosen_by_name, reset),
        cmocka_unit_test_teardown(values_are_read_in_many_spellings, reset),
        cmocka_unit_test_teardown(labels_with_commas_are_chosen_in_quotes, reset),
        cmocka_unit_test_teardown(a_table_from_elsewhere, reset),
        cmocka_unit_test_teardown(splits_come_from_a_column_or_from_folders, reset),
        cmocka_unit_test_teardown(archives_beside_a_table, reset),
        cmocka_unit_test_teardown(folders_of_images_are_no_classes_where_a_table_is, reset),
        cmocka_unit_test_teardown(broken_tables_are_refused, reset),
        cmocka_unit_test_teardown(rows_of_an_image_are_merged, reset),
        cmocka_unit_test_teardown(boxes_of_one_class_stay_classes, reset),
        cmocka_unit_test_teardown(images_of_several_classes_are_multi_label, reset),
        cmocka_unit_test_teardown(rows_in_several_tables, reset),
        cmocka_unit_test_teardown(one_hot_columns_are_classes_if_asked_for, reset),
        cmocka_unit_test_teardown(single_labels_of_other_layouts, reset),
        cmocka_unit_test_teardown(names_stand_for_files_in_one_way, reset),
        cmocka_unit_test_teardown(unknown_labels_in_metadata, reset),
        cmocka_unit_test_teardown(a_label_that_is_there_is_not_unknown, reset),
    };
    int failures = cmocka_run_group_tests(tests, NULL, NULL);
    remove_test_folder();
    return failures;
}
