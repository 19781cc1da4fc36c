/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The verdict and the file; see drive_power.h. */

#include "report/drive_power.h"

#include <json-c/json.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/text.h"
#include "report/imported.h"

#define DRIVES_PATH STATE_DIRECTORY "/drives"
#define DRIVES_MAX 4096
#define FILE_BYTES_MAX ((size_t) DRIVES_MAX * 256)

PowerVerdict power_judge(const NvmeSmart *before, const NvmeSmart *now) {
        if (!before || now->power_cycles < before->power_cycles ||
            now->unsafe_shutdowns < before->unsafe_shutdowns)
                return POWER_UNKNOWN;
        /* Some drives count one at a reset of the machine as well: it is theirs to say so. */
        if (now->unsafe_shutdowns > before->unsafe_shutdowns)
                return POWER_UNSAFE;
        return now->power_cycles > before->power_cycles ? POWER_CLEAN : POWER_KEPT;
}

static DriveCounts *find_drive(const DrivePower *power, const char *serial) {
        for (size_t i = 0; i < power->n_drives; i++)
                if (STREQ(power->drives[i].serial, serial))
                        return &power->drives[i];
        return NULL;
}

const NvmeSmart *drive_power_find(const DrivePower *power, const char *serial) {
        const DriveCounts *drive = find_drive(power, serial);

        return drive ? &drive->smart : NULL;
}

int drive_power_set(DrivePower *power, const char *serial, const NvmeSmart *smart) {
        DriveCounts *drive = find_drive(power, serial), *larger;

        if (!drive) {
                larger = reallocarray(power->drives, power->n_drives + 1, sizeof(DriveCounts));
                if (!larger)
                        return -ENOMEM;
                power->drives = larger;
                drive = &larger[power->n_drives++];
                (void) snprintf(drive->serial, sizeof(drive->serial), "%s", serial);
        }
        drive->smart = *smart;
        return 0;
}

static bool get_count(struct json_object *drive, const char *key, uint64_t *ret) {
        struct json_object *value;

        if (!json_object_object_get_ex(drive, key, &value) ||
            !json_object_is_type(value, json_type_int))
                return false;
        *ret = json_object_get_uint64(value);
        return true;
}

static int parse_drives(struct json_object *drives, DrivePower *power) {
        json_object_object_foreach(drives, serial, drive) {
                NvmeSmart smart;

                if (!get_count(drive, "power_cycles", &smart.power_cycles) ||
                    !get_count(drive, "unsafe_shutdowns", &smart.unsafe_shutdowns) ||
                    power->n_drives >= DRIVES_MAX)
                        return -EBADMSG;
                if (drive_power_set(power, serial, &smart) < 0)
                        return -ENOMEM;
        }
        return 0;
}

static int parse_file(const char *text, DrivePower *power) {
        struct json_object *root = json_tokener_parse(text), *boot_id, *drives;
        int r = -EBADMSG;

        if (json_object_object_get_ex(root, "boot_id", &boot_id) &&
            json_object_object_get_ex(root, "drives", &drives) &&
            json_object_is_type(drives, json_type_object) &&
            json_object_is_type(boot_id, json_type_string) &&
            entry_is_boot_id(json_object_get_string(boot_id))) {
                (void) snprintf(power->boot_id, sizeof(power->boot_id), "%s",
                                json_object_get_string(boot_id));
                r = parse_drives(drives, power);
        }
        (void) json_object_put(root);
        return r;
}

int drive_power_read(int root_fd, DrivePower *ret) {
        _cleanup_free_ char *text = NULL;
        int r;

        *ret = DRIVE_POWER_INIT;
        r = file_read_all(root_fd, DRIVES_PATH, FILE_BYTES_MAX, &text);
        if (r < 0)
                return r == -ENOENT ? 0 : r;
        r = parse_file(text, ret);
        if (r < 0)
                drive_power_done(ret);
        return r;
}

static struct json_object *to_json(const DrivePower *power) {
        struct json_object *root = json_object_new_object(), *drives = json_object_new_object();

        for (size_t i = 0; i < power->n_drives; i++) {
                const DriveCounts *counts = &power->drives[i];
                struct json_object *drive = json_object_new_object();

                (void) json_object_object_add(drive, "power_cycles",
                                              json_object_new_uint64(counts->smart.power_cycles));
                (void) json_object_object_add(
                        drive, "unsafe_shutdowns",
                        json_object_new_uint64(counts->smart.unsafe_shutdowns));
                (void) json_object_object_add(drives, counts->serial, drive);
        }
        (void) json_object_object_add(root, "boot_id", json_object_new_string(power->boot_id));
        (void) json_object_object_add(root, "drives", drives);
        return root;
}

int drive_power_write(int root_fd, const DrivePower *power) {
        struct json_object *root;
        AtomicFile file;
        int r;

        if (mkdirat(root_fd, STATE_DIRECTORY, 0755) < 0 && errno != EEXIST)
                return -errno;
        r = atomic_file_open(root_fd, DRIVES_PATH, 0644, &file);
        if (r < 0)
                return r;
        root = to_json(power);
        (void) fprintf(file.stream, "%s\n",
                       json_object_to_json_string_ext(root, JSON_C_TO_STRING_PRETTY));
        (void) json_object_put(root);
        return atomic_file_commit(&file);
}

void drive_power_done(DrivePower *power) {
        free(power->drives);
        *power = DRIVE_POWER_INIT;
}
