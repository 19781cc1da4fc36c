/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See snapshot.h. */

#include "trial/snapshot.h"

#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/file.h"
#include "base/recorded.h"
#include "base/text.h"
#include "config/conf_files.h"
#include "label/content.h"
#include "tree/block_node.h"
#include "tree/device_blocks.h"
#include "tree/loop_backing.h"

#define FILE_MAX ((size_t) 64 * 1024 * 1024)
#define PCI_CONFIG_SIZE 256
#define LINKS_MAX 40 /* to follow for one path, as the kernel does (path_resolution(7)) */

/* Which paths in the text of a file are copied too. */
typedef enum Names {
        NAMES_NONE,
        NAMES_DEV, /* those below /dev */
        NAMES_ALL, /* all; of a plain file only its existence */
} Names;

typedef struct Recorder {
        int from_fd, to_fd;
        Lines *unknown;
        Names names; /* of the file that is copied */
} Recorder;

/* All that the readers of tree, inuse and label read, except PCI functions and nodes. A "*" stands for the
 * rest of a name. */
static const struct {
        const char *pattern;
        Names names;
} pattern_table[] = {
        { "proc/self/mountinfo", NAMES_DEV },
        { "proc/swaps", NAMES_DEV },
        { "sys/class/nvme/*/model", NAMES_NONE },
        { "sys/class/nvme/*/serial", NAMES_NONE },
        { "sys/class/nvme/*/subsysnqn", NAMES_NONE },
        { "sys/class/nvme/*/state", NAMES_NONE },
        { "sys/class/nvme/*/transport", NAMES_NONE },
        { "sys/class/nvme-subsystem/*/nvme*", NAMES_NONE },
        { "sys/class/block/*/dev", NAMES_NONE },
        { "sys/class/block/*/partition", NAMES_NONE },
        { "sys/class/block/*/stat", NAMES_NONE },
        { "sys/class/block/*/lightnvm", NAMES_NONE },
        { "sys/class/block/*/loop/backing_file", NAMES_NONE },
        { "sys/class/block/*/holders/*", NAMES_NONE },
        { "sys/fs/btrfs/*/devices/*", NAMES_NONE },
        { "sys/kernel/config/*", NAMES_NONE },
        { "sys/kernel/config/nvmet/subsystems/*/namespaces/*/device_path", NAMES_ALL },
        { "sys/kernel/config/nvmet/subsystems/*/passthru/device_path", NAMES_ALL },
        { "sys/kernel/config/target/core/*/*/udev_path", NAMES_ALL },
        { "sys/kernel/config/target/core/*/*/info", NAMES_ALL },
        { "sys/kernel/config/usb_gadget/*/functions/*/*/file", NAMES_ALL },
        { "sys/class/udc/*/device/*/*/file", NAMES_ALL },
        { "sys/kernel/config/cluster/*/heartbeat/*/dev", NAMES_ALL },
        { "sys/class/rnbd-server/ctl/devices/*/block_dev", NAMES_NONE },
        { "sys/bus/xen-backend/devices/*/physical_device", NAMES_NONE },
        { "sys/kernel/scst_tgt/devices/*/filename", NAMES_ALL },
        { "sys/bus/pci/slots/*/address", NAMES_NONE },
        { "sys/module/nvmet", NAMES_NONE },
        { "sys/module/target_core_file", NAMES_NONE },
        { "sys/module/usb_f_mass_storage", NAMES_NONE },
        { "sys/module/ocfs2_nodemanager", NAMES_NONE },
        { "sys/module/blocklayoutdriver", NAMES_NONE },
};

static int copy_path(Recorder *recorder, const char *original);

static int make_link(const Recorder *recorder, const char *path, const char *target) {
        return symlinkat(target, recorder->to_fd, path) < 0 && errno != EEXIST ? -errno : 0;
}

static int copy_unreadable(Recorder *recorder, const char *path, int error) {
        const char *slash = strrchr(path, '/');
        _cleanup_free_ char *above = NULL;
        int r;

        if (file_is_gone(error))
                return 0;
        r = lines_add(recorder->unknown, "/%s: %s", path, strerror(-error));
        if (r < 0 || !slash)
                return r;
        above = strndup(path, (size_t) (slash - path));
        if (!above)
                return -ENOMEM;
        r = copy_path(recorder, above);
        return r < 0 ? r : make_link(recorder, path, slash + 1);
}

static int write_file(const Recorder *recorder, const char *path, const void *data, size_t size) {
        _cleanup_close_ int fd =
                openat(recorder->to_fd, path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
        ssize_t n;

        if (fd < 0)
                return errno == EEXIST ? 0 : -errno;
        n = write(fd, data, size);
        if (n < 0)
                return -errno;
        return (size_t) n == size ? 0 : -EIO;
}

/* Copies the files that the text names. Changes the text. */
static int copy_names(Recorder *recorder, char *text) {
        Names names = recorder->names;
        char *word;
        int r = 0;

        recorder->names = NAMES_NONE;
        while (r >= 0 && (word = strsep(&text, " \t\n")))
                if (*word == '/' && (names == NAMES_ALL || STARTSWITH(word, "/dev/"))) {
                        text_unescape(word);
                        r = copy_path(recorder, word + 1);
                }
        recorder->names = names;
        return r;
}

static int copy_text(Recorder *recorder, const char *path) {
        _cleanup_free_ char *text = NULL;
        int r;

        r = file_read_all(recorder->from_fd, path, FILE_MAX, &text);
        if (r == -ENOMEM)
                return r;
        if (r < 0)
                return copy_unreadable(recorder, path, r);
        r = write_file(recorder, path, text, strlen(text));
        if (r < 0 || recorder->names == NAMES_NONE)
                return r;
        return copy_names(recorder, text);
}

static int copy_pci_config(Recorder *recorder, const char *path) {
        _cleanup_close_ int fd = file_open(recorder->from_fd, path, O_RDONLY);
        uint8_t config[PCI_CONFIG_SIZE];
        ssize_t n;

        n = fd < 0 ? fd : pread(fd, config, sizeof(config), 0);
        return n < 0 ? 0 : write_file(recorder, path, config, (size_t) n);
}

/* The readers find the directory of a character device by its number. */
static int copy_node(Recorder *recorder, const char *path, mode_t type, dev_t devnum) {
        char text[64], link[64];
        int r;

        (void) snprintf(text, sizeof(text), "%s %u:%u\n", S_ISBLK(type) ? "block" : "char",
                        major(devnum), minor(devnum));
        r = write_file(recorder, path, text, strlen(text));
        if (r < 0 || S_ISBLK(type))
                return r;
        (void) snprintf(link, sizeof(link), "sys/dev/char/%u:%u", major(devnum), minor(devnum));
        return copy_path(recorder, link);
}

static bool has_content(const char *path) {
        return STARTSWITH(path, "sys/") || STARTSWITH(path, "proc/");
}

static int copy_leaf(Recorder *recorder, const char *path, mode_t type, dev_t devnum) {
        if (S_ISBLK(type) || S_ISCHR(type))
                return copy_node(recorder, path, type, devnum);
        if (!S_ISREG(type))
                return 0;
        if (!has_content(path))
                return write_file(recorder, path, "", 0);
        return STREQ(strrchr(path, '/'), "/config") ? copy_pci_config(recorder, path)
                                                    : copy_text(recorder, path);
}

/* Sets ret to the target of a link, as a path below the root. dir: the path of the link's directory,
 * with all links resolved; rest: appended to the target. */
static int resolve_link(const char *dir, const char *target, const char *rest, char ret[PATH_MAX]) {
        _cleanup_free_ char *whole = NULL;
        char *at, *name;
        size_t length = 0;

        if (asprintf(&whole, "%s/%s%s", *target == '/' ? "" : dir, target, rest) < 0)
                return -ENOMEM;
        if (strlen(whole) >= PATH_MAX)
                return -ENAMETOOLONG;
        *ret = '\0';
        at = whole;
        while ((name = strsep(&at, "/"))) {
                if (!*name || STREQ(name, "."))
                        continue;
                if (STREQ(name, "..")) {
                        char *slash = strrchr(ret, '/');

                        length = slash ? (size_t) (slash - ret) : 0;
                        ret[length] = '\0';
                        continue;
                }
                length += (size_t) snprintf(ret + length, PATH_MAX - length, "%s%s",
                                            length > 0 ? "/" : "", name);
        }
        return 0;
}

/* An absolute link becomes a relative one, so that it does not lead to the live machine. */
static int copy_link(const Recorder *recorder, const char *path, const char *target) {
        char relative[2 * PATH_MAX] = "";
        size_t length = 0;

        if (*target != '/')
                return make_link(recorder, path, target);
        for (const char *slash = strchr(path, '/'); slash && length < PATH_MAX;
             slash = strchr(slash + 1, '/'))
                length += (size_t) snprintf(relative + length, sizeof(relative) - length, "../");
        (void) snprintf(relative + length, sizeof(relative) - length, "%s", target + 1);
        return make_link(recorder, path, relative);
}

typedef enum Component {
        COMPONENT_DIRECTORY,
        COMPONENT_LINK, /* path is now the whole path with that link resolved */
        COMPONENT_END,  /* nothing is below it: a file, unreadable or missing */
} Component;

/* Copies the component of the path that ends at `end`. Returns a Component or -errno. */
static int copy_component(Recorder *recorder, char path[PATH_MAX], size_t end) {
        char component[PATH_MAX], target[PATH_MAX], *slash;
        mode_t type;
        dev_t devnum;
        ssize_t n;
        int r;

        (void) snprintf(component, sizeof(component), "%.*s", (int) end, path);
        r = file_stat_node(recorder->from_fd, component, AT_SYMLINK_NOFOLLOW, &type, &devnum);
        if (r < 0) {
                r = copy_unreadable(recorder, component, r);
                return r < 0 ? r : COMPONENT_END;
        }
        if (S_ISDIR(type)) {
                if (mkdirat(recorder->to_fd, component, 0755) < 0 && errno != EEXIST)
                        return -errno;
                return COMPONENT_DIRECTORY;
        }
        if (!S_ISLNK(type)) {
                r = copy_leaf(recorder, component, type, devnum);
                return r < 0 ? r : COMPONENT_END;
        }
        n = readlinkat(recorder->from_fd, component, target, sizeof(target) - 1);
        if (n < 0)
                return COMPONENT_END;
        target[n] = '\0';
        r = copy_link(recorder, component, target);
        if (r < 0)
                return r;
        slash = strrchr(component, '/');
        *(slash ?: component) = '\0';
        r = resolve_link(component, target, path + end, path);
        return r < 0 ? r : COMPONENT_LINK;
}

/* Copies the file at the path, the directories and links on the way, and their targets. A missing
 * file is no error. */
static int copy_path(Recorder *recorder, const char *original) {
        char path[PATH_MAX];
        unsigned n_links = 0;
        size_t end = 0;

        if ((size_t) snprintf(path, sizeof(path), "%s", original) >= sizeof(path))
                return 0;
        while (path[end]) {
                int r;

                end += strspn(path + end, "/");
                end += strcspn(path + end, "/");
                r = copy_component(recorder, path, end);
                if (r < 0)
                        return r;
                if (r == COMPONENT_END)
                        return 0;
                if (r == COMPONENT_DIRECTORY)
                        continue;
                if (++n_links > LINKS_MAX)
                        return 0;
                end = 0;
        }
        return 0;
}

static int copy_pattern(Recorder *recorder, const char *pattern) {
        const char *star = strchr(pattern, '*'), *name;
        _cleanup_closedir_ DIR *dir = NULL;
        _cleanup_free_ char *above = NULL;
        size_t length;
        int r;

        if (!star)
                return copy_path(recorder, pattern);
        above = strndup(pattern, (size_t) (star - pattern));
        if (!above)
                return -ENOMEM;
        name = strrchr(above, '/') + 1;
        length = strlen(name);
        above[name - above - 1] = '\0';
        r = file_opendir(recorder->from_fd, above, &dir);
        if (r < 0)
                return copy_unreadable(recorder, above, r);
        while ((name = file_readdir(dir, &r))) {
                _cleanup_free_ char *path = NULL;

                if (strncmp(name, star - length, length) != 0)
                        continue;
                if (asprintf(&path, "%s/%s%s", above, name, star + 1) < 0)
                        return -ENOMEM;
                r = copy_pattern(recorder, path);
                if (r < 0)
                        return r;
        }
        return r < 0 ? copy_unreadable(recorder, above, r) : 0;
}

static int copy_patterns(Recorder *recorder) {
        for (size_t i = 0; i < ARRAY_SIZE(pattern_table); i++) {
                int r;

                recorder->names = pattern_table[i].names;
                r = copy_pattern(recorder, pattern_table[i].pattern);
                if (r < 0)
                        return r;
        }
        recorder->names = NAMES_NONE;
        return 0;
}

static int copy_configuration_file(Recorder *recorder, const char *path) {
        _cleanup_free_ char *directory = strndup(path, (size_t) (strrchr(path, '/') - path));
        int r;

        if (!directory)
                return -ENOMEM;
        r = copy_path(recorder, directory);
        return r < 0 ? r : copy_text(recorder, path);
}

static int copy_configuration(Recorder *recorder) {
        char **paths = NULL;
        int r;

        r = conf_files_list(recorder->from_fd, "nvme-async-shutdown.conf", &paths);
        if (r < 0)
                return r;
        for (char **path = paths; *path && r >= 0; path++)
                r = copy_configuration_file(recorder, *path);
        conf_files_free(paths);
        return r;
}

static int copy_functions(Recorder *recorder, const Topology *topology) {
        static const char *const names[] = {
                "class",        "config", "driver",   "physfn",
                "sriov_numvfs", "label",  "modalias", "firmware_node/sun",
        };

        for (size_t i = 0; i < topology->n_devices; i++)
                for (size_t k = 0; k < ARRAY_SIZE(names); k++) {
                        char path[128];
                        int r;

                        (void) snprintf(path, sizeof(path), "sys/bus/pci/devices/%.64s/%s",
                                        topology->devices[i].address, names[k]);
                        r = copy_path(recorder, path);
                        if (r < 0)
                                return r;
                }
        return 0;
}

/* Adds a line to the file of a node. A missing file is no error. */
static int add_answer(const Recorder *recorder, const char *path, const char *question,
                      const char *answer) {
        _cleanup_close_ int fd = openat(recorder->to_fd, path, O_WRONLY | O_APPEND | O_CLOEXEC);

        if (fd < 0)
                return errno == ENOENT ? 0 : -errno;
        return dprintf(fd, "%s %s\n", question, answer) < 0 ? -errno : 0;
}

static int record_claim(Recorder *recorder, const Block *block, const char *path) {
        _cleanup_close_ int fd = -1;
        char answer[16];

        if (block->kind != BLOCK_NAMESPACE ||
            (block->use.kind != USE_CLAIM && block->use.kind != USE_UNKNOWN))
                return 0;
        fd = block_node_open(recorder->from_fd, block->name, block->devnum, true);
        if (fd >= 0 || fd == -ENOENT || fd == -ESTALE)
                return 0;
        (void) snprintf(answer, sizeof(answer), "%d", -fd);
        return add_answer(recorder, path, "claim", answer);
}

static int record_content(const Recorder *recorder, const Block *block, const char *path) {
        _cleanup_free_ char *kind = NULL, *label = NULL;
        int r;

        if (block->kind != BLOCK_NAMESPACE && block->kind != BLOCK_PARTITION)
                return 0;
        r = content_read(recorder->from_fd, block, &kind, &label);
        if (r < 0)
                return r == -ENOMEM ? r : 0;
        r = add_answer(recorder, path, "content", kind);
        if (r < 0 || !label)
                return r;
        return add_answer(recorder, path, "label", label);
}

/* Records the process of "/dev/nvme1n1 is open in qemu[4711]", with that file. */
static int record_opener(Recorder *recorder, const Use *use) {
        static const char open[] = " is open in ";
        char node[64], comm[64], path[128], target[96];
        const char *who, *bracket;
        int pid, r;

        if (use->kind != USE_OPEN || sscanf(use->detail, "/dev/%63s", node) != 1)
                return 0;
        who = strstr(use->detail, open);
        bracket = who ? strrchr(who, '[') : NULL;
        pid = bracket ? atoi(bracket + 1) : 0;
        if (pid <= 0)
                return 0;
        who += strlen(open);
        (void) snprintf(comm, sizeof(comm), "%.*s", (int) (bracket - who), who);
        (void) snprintf(path, sizeof(path), "dev/%s", node);
        r = copy_path(recorder, path);
        if (r < 0)
                return r;
        (void) snprintf(path, sizeof(path), "proc/%d", pid);
        (void) mkdirat(recorder->to_fd, path, 0755);
        (void) snprintf(path, sizeof(path), "proc/%d/fd", pid);
        (void) mkdirat(recorder->to_fd, path, 0755);
        (void) snprintf(path, sizeof(path), "proc/%d/comm", pid);
        r = write_file(recorder, path, comm, strlen(comm));
        if (r < 0)
                return r;
        (void) snprintf(path, sizeof(path), "proc/%d/fd/%s", pid, node);
        (void) snprintf(target, sizeof(target), "../../../dev/%s", node);
        return make_link(recorder, path, target);
}

/* Records the first process that could not be read, "/proc/711/fd: Permission denied". */
static int record_doubt(Recorder *recorder, const Use *use) {
        _cleanup_free_ char *path = NULL;
        int pid;

        if (use->kind != USE_UNKNOWN || sscanf(use->detail, "/proc/%d/", &pid) != 1)
                return 0;
        path = strndup(use->detail + 1, strcspn(use->detail + 1, ":"));
        return path ? copy_unreadable(recorder, path, -EACCES) : -ENOMEM;
}

static int record_use(Recorder *recorder, const Use *use) {
        int r = record_opener(recorder, use);

        return r < 0 ? r : record_doubt(recorder, use);
}

static int record_blocks(Recorder *recorder, const Topology *topology, bool has_claims) {
        for (size_t i = 0; i < topology->n_blocks; i++) {
                const Block *block = &topology->blocks[i];
                char path[PATH_MAX];
                int r;

                (void) snprintf(path, sizeof(path), "dev/%s", block->name);
                r = copy_path(recorder, path);
                if (r < 0)
                        return r;
                r = record_use(recorder, &block->use);
                if (r < 0)
                        return r;
                r = record_content(recorder, block, path);
                if (r < 0)
                        return r;
                r = has_claims ? record_claim(recorder, block, path) : 0;
                if (r < 0)
                        return r;
        }
        return 0;
}

static int record_controllers(Recorder *recorder, const Topology *topology) {
        for (size_t i = 0; i < topology->n_devices; i++) {
                const Controller *c = topology->devices[i].controller;
                char path[64], answer[32];
                int r;

                if (!c)
                        continue;
                (void) snprintf(path, sizeof(path), "dev/%.40s", c->name);
                r = copy_path(recorder, path);
                if (r < 0)
                        return r;
                (void) snprintf(answer, sizeof(answer), "%" PRIu64, c->rtd3e_usec);
                r = c->rtd3e_usec > 0 ? add_answer(recorder, path, "rtd3e", answer) : 0;
                if (r < 0)
                        return r;
                r = record_use(recorder, &c->use);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* A node without an answer counts as a loop device that does not answer. */
static int record_loop(Recorder *recorder, const char *name) {
        LoopBacking loop = {};
        char path[128], answer[32];
        int r;

        (void) snprintf(path, sizeof(path), "sys/class/block/%.64s/loop/backing_file", name);
        if (!file_exists(recorder->to_fd, path) || strlen(name) >= sizeof(loop.name))
                return 0;
        (void) snprintf(path, sizeof(path), "dev/%.64s", name);
        r = copy_path(recorder, path);
        if (r < 0)
                return r;
        (void) snprintf(path, sizeof(path), "sys/class/block/%.64s/dev", name);
        r = block_read_devnum(recorder->from_fd, path, &loop.devnum);
        if (r < 0)
                return r;
        (void) snprintf(loop.name, sizeof(loop.name), "%s", name);
        loop_backing_ask(recorder->from_fd, &loop, 1);
        if (loop.error < 0)
                return lines_add(recorder->unknown, "what /dev/%s stands on: %s", name,
                                 block_node_strerror(loop.error));
        (void) snprintf(path, sizeof(path), "dev/%.64s", name);
        (void) snprintf(answer, sizeof(answer), "%u:%u", major(loop.backing), minor(loop.backing));
        return add_answer(recorder, path, "backing", answer);
}

static int record_loops(Recorder *recorder) {
        _cleanup_closedir_ DIR *dir = NULL;
        const char *name;
        int r;

        r = file_opendir(recorder->to_fd, "sys/class/block", &dir);
        if (r < 0)
                return r == -ENOENT ? 0 : r;
        while ((name = file_readdir(dir, &r))) {
                r = STARTSWITH(name, "loop") ? record_loop(recorder, name) : 0;
                if (r < 0)
                        return r;
        }
        return r;
}

static int write_unknown(const Recorder *recorder) {
        _cleanup_free_ char *text = NULL;
        size_t size = 0;
        FILE *stream = open_memstream(&text, &size);

        if (!stream)
                return -ENOMEM;
        for (size_t i = 0; i < recorder->unknown->n; i++)
                (void) fprintf(stream, "%s\n", recorder->unknown->items[i]);
        if (fclose(stream) != 0)
                return -ENOMEM;
        return write_file(recorder, RECORDED_UNKNOWN, text, size);
}

int snapshot_write(int root_fd, const Topology *topology, bool has_claims, Lines *unknown,
                   int to_fd) {
        Recorder recorder = { .from_fd = root_fd, .to_fd = to_fd, .unknown = unknown };
        int r;

        r = copy_configuration(&recorder);
        if (r < 0)
                return r;
        r = copy_patterns(&recorder);
        if (r < 0)
                return r;
        r = copy_functions(&recorder, topology);
        if (r < 0)
                return r;
        r = record_blocks(&recorder, topology, has_claims);
        if (r < 0)
                return r;
        r = record_controllers(&recorder, topology);
        if (r < 0)
                return r;
        r = record_loops(&recorder);
        return r < 0 ? r : write_unknown(&recorder);
}
