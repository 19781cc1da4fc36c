/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See drive_power.h. */

#include "report/drive_power.h"

#include <json-c/json.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/text.h"
#include "report/imported.h"
#include "report/json_writer.h"

#define DRIVES_PATH STATE_DIRECTORY "/drives"
#define DRIVES_MAX 4096
#define FILE_BYTES_MAX ((size_t) DRIVES_MAX * 256)

PowerVerdict power_judge(const NvmeSmart *before, const NvmeSmart *now) {
        if (!before || now->power_cycles < before->power_cycles ||
            now->unsafe_shutdowns < before->unsafe_shutdowns)
                return POWER_UNKNOWN;
        /* Some drives count a reset of the machine too; the verdict follows their counter. */
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

static void put_json(struct json_object **object) {
        (void) json_object_put(*object);
}

static int parse_file(const char *text, DrivePower *power) {
        _cleanup_(put_json) struct json_object *root = json_tokener_parse(text);
        struct json_object *boot_id, *drives;

        if (!json_object_object_get_ex(root, "boot_id", &boot_id) ||
            !json_object_object_get_ex(root, "drives", &drives) ||
            !json_object_is_type(drives, json_type_object) ||
            !json_object_is_type(boot_id, json_type_string) ||
            !entry_is_boot_id(json_object_get_string(boot_id)))
                return -EBADMSG;
        (void) snprintf(power->boot_id, sizeof(power->boot_id), "%s",
                        json_object_get_string(boot_id));
        return parse_drives(drives, power);
}

int drive_power_read(int root_fd, DrivePower *ret) {
        _cleanup_drive_power_ DrivePower power = DRIVE_POWER_INIT;
        _cleanup_free_ char *text = NULL;
        int r;

        *ret = DRIVE_POWER_INIT;
        r = file_read_all(root_fd, DRIVES_PATH, FILE_BYTES_MAX, &text);
        if (r < 0)
                return r == -ENOENT ? 0 : r;
        r = parse_file(text, &power);
        if (r < 0)
                return r;
        *ret = TAKE(power, DRIVE_POWER_INIT);
        return 0;
}

static void write_json(JsonWriter *w, const DrivePower *power) {
        json_begin_object(w, NULL);
        json_add_string(w, "boot_id", power->boot_id);
        json_begin_object(w, "drives");
        for (size_t i = 0; i < power->n_drives; i++) {
                const DriveCounts *drive = &power->drives[i];

                json_begin_object(w, drive->serial);
                json_add_number(w, "power_cycles", drive->smart.power_cycles);
                json_add_number(w, "unsafe_shutdowns", drive->smart.unsafe_shutdowns);
                json_end(w);
        }
        json_end(w);
        json_end(w);
}

int drive_power_write(int root_fd, const DrivePower *power) {
        _cleanup_json_writer_ JsonWriter w = JSON_WRITER_INIT;
        AtomicFile file;
        int r;

        write_json(&w, power);
        if (mkdirat(root_fd, STATE_DIRECTORY, 0755) < 0 && errno != EEXIST)
                return -errno;
        r = atomic_file_open(root_fd, DRIVES_PATH, 0644, &file);
        if (r < 0)
                return r;
        r = json_writer_print(&w, file.stream);
        if (r < 0) {
                atomic_file_discard(&file);
                return r;
        }
        return atomic_file_commit(&file);
}

void drive_power_done(DrivePower *power) {
        free(power->drives);
        *power = DRIVE_POWER_INIT;
}
