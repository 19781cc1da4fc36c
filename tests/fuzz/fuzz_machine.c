/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A recorded machine (--root=): the input is a list of files, each "== PATH" on a line of its own and
 * then the text. Paths that the machine below does not have are left out; its files without a text in
 * the input are empty. */

#include "base/file.h"
#include "base/recorded.h"
#include "fake_root.h"
#include "fuzz.h"
#include "label/content.h"
#include "label/labels.h"
#include "show/table.h"
#include "stage/survey.h"
#include "tree/block_node.h"

#define HEAD "== "
#define PORT "sys/devices/pci0000:00/0000:00:01.0"
#define FUNCTION PORT "/0000:01:00.0"
#define DISK FUNCTION "/nvme/nvme0/nvme0n1"

/* A drive with a partition below a port, in a slot. */
static const char *const files[] = {
        "dev/nvme0",
        "dev/nvme0n1",
        "dev/nvme0n1p1",
        "proc/self/mountinfo",
        "proc/swaps",
        "sys/bus/pci/slots/1/address",
        PORT "/config",
        PORT "/modalias",
        FUNCTION "/label",
        FUNCTION "/sriov_numvfs",
        FUNCTION "/firmware_node/sun",
        FUNCTION "/nvme/nvme0/model",
        FUNCTION "/nvme/nvme0/serial",
        FUNCTION "/nvme/nvme0/transport",
        DISK "/dev",
        DISK "/stat",
        DISK "/nvme0n1p1/dev",
        DISK "/nvme0n1p1/partition",
};

static int recorded_fd = -1;

static void set_up(void) {
        fuzz_root();
        fake_root_link("sys/bus/pci/devices/0000:00:01.0", "../../../../" PORT);
        fake_root_link("sys/bus/pci/devices/0000:01:00.0", "../../../../" FUNCTION);
        fake_root_link("sys/class/nvme/nvme0", "../../../" FUNCTION "/nvme/nvme0");
        fake_root_link("sys/class/block/nvme0n1", "../../../" DISK);
        fake_root_link("sys/class/block/nvme0n1p1", "../../../" DISK "/nvme0n1p1");
        fake_root_link("sys/devices/pci0000:00/0000:00:01.0/0000:01:00.0/driver",
                       "../../../../bus/pci/drivers/nvme");
        fake_root_mkdir("sys/bus/pci/drivers/nvme");
        recorded_fd = recorded_open_root(fake_root_path("."));
        REQUIRE(recorded_fd >= 0);
}

/* Returns the text of that file in the input, and its size. */
static const uint8_t *find_text(const uint8_t *data, size_t size, const char *path, size_t *ret_n) {
        char head[160];
        const uint8_t *text, *end;

        (void) snprintf(head, sizeof(head), HEAD "%s\n", path);
        text = memmem(data, size, head, strlen(head));
        if (!text) {
                *ret_n = 0;
                return data;
        }
        text += strlen(head);
        end = memmem(text, size - (size_t) (text - data), "\n" HEAD, strlen("\n" HEAD));
        *ret_n = (size_t) ((end ? end + 1 : data + size) - text);
        return text;
}

static bool is_printable(const char *text) {
        for (; *text; text++)
                if (*text < ' ' || *text > '~')
                        return false;
        return true;
}

static void require_name(const char *name) {
        REQUIRE(!name || (*name && is_printable(name)));
}

static void require_answers(const Topology *topology) {
        static const char *const questions[] = { "claim", "backing", "rtd3e", "content" };

        for (size_t i = 0; i < ARRAY_SIZE(questions); i++) {
                char *answer = NULL;

                if (recorded_answer(recorded_fd, "dev/nvme0n1", questions[i], &answer) < 0)
                        REQUIRE(!answer);
                else
                        REQUIRE(!strchr(answer, '\n'));
                free(answer);
        }
        for (size_t i = 0; i < topology->n_blocks; i++) {
                char *kind = NULL, *label = NULL;
                int r = content_read(recorded_fd, &topology->blocks[i], &kind, &label);

                REQUIRE(r == 0 ? *kind && is_printable(kind) : r == -ENODATA && !kind);
                REQUIRE(!label || (r == 0 && *label && is_printable(label)));
                free(label);
                free(kind);
        }
}

static void require_labels(const Labels *labels) {
        for (size_t i = 0; i < labels->n_devices; i++) {
                require_name(labels->devices[i].vendor);
                require_name(labels->devices[i].product);
                require_name(labels->devices[i].slot);
                require_name(labels->devices[i].content);
        }
}

/* What "plan --json" prints. */
static void require_plan(const Topology *topology, const Labels *labels, const Plan *plan,
                         const Config *config) {
        char *text = NULL;
        size_t size;
        FILE *stream = open_memstream(&text, &size);

        REQUIRE(stream && show_plan(topology, labels, plan, config, true, stream) == 0);
        REQUIRE(fclose(stream) == 0);
        fuzz_require_json(text);
        free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        const SurveyOptions options = { .claim = true };
        _cleanup_topology_ Topology topology = TOPOLOGY_INIT;
        _cleanup_labels_ Labels labels = LABELS_INIT;
        _cleanup_config_ Config config = {};
        _cleanup_plan_ Plan plan = PLAN_INIT;

        if (recorded_fd < 0)
                set_up();
        for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
                size_t n;
                const uint8_t *text = find_text(data, size, files[i], &n);

                fake_root_write_binary(files[i], text, n);
        }
        config_set_defaults(&config);
        REQUIRE(survey(recorded_fd, &config, &options, &topology, &plan) == 0);
        REQUIRE(labels_read(recorded_fd, &topology, &labels) == 0);
        require_answers(&topology);
        require_labels(&labels);
        require_plan(&topology, &labels, &plan, &config);
        return 0;
}
