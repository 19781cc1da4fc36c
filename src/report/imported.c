/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The file has one boot id on each line; see imported.h. */

#include "report/imported.h"

#include <sys/stat.h>

#include "base/file.h"

/* pstore's directory never holds records of more boots. Older ones are dropped. */
#define BOOTS_MAX 4096
#define FILE_BYTES_MAX ((size_t) 4 * BOOTS_MAX * BOOT_ID_MAX)

int imported_read(int root_fd, Imported *ret) {
        _cleanup_imported_ Imported imported = IMPORTED_INIT;
        _cleanup_free_ char *text = NULL;
        char *state = NULL;
        int r;

        r = file_read_all(root_fd, IMPORTED_PATH, FILE_BYTES_MAX, &text);
        if (r < 0 && r != -ENOENT)
                return r;
        for (char *line = text ? strtok_r(text, "\n", &state) : NULL; line;
             line = strtok_r(NULL, "\n", &state)) {
                if (!entry_is_boot_id(line))
                        continue;
                r = imported_add(&imported, line);
                if (r < 0)
                        return r;
        }
        *ret = TAKE(imported, IMPORTED_INIT);
        return 0;
}

void imported_done(Imported *imported) {
        atomic_file_discard(&imported->file);
        free(imported->boots);
        *imported = IMPORTED_INIT;
}

bool imported_has(const Imported *imported, const char *boot_id) {
        for (size_t i = 0; i < imported->n; i++)
                if (STREQ(imported->boots[i], boot_id))
                        return true;
        return false;
}

int imported_add(Imported *imported, const char *boot_id) {
        char(*larger)[BOOT_ID_MAX];

        if (imported_has(imported, boot_id))
                return 0;
        larger = reallocarray(imported->boots, imported->n + 1, sizeof(*larger));
        if (!larger)
                return -ENOMEM;
        imported->boots = larger;
        (void) snprintf(larger[imported->n++], BOOT_ID_MAX, "%s", boot_id);
        return 0;
}

int imported_begin(int root_fd, Imported *imported) {
        size_t first = imported->n > BOOTS_MAX ? imported->n - BOOTS_MAX : 0;
        int r;

        if (mkdirat(root_fd, STATE_DIRECTORY, 0755) < 0 && errno != EEXIST)
                return -errno;
        r = atomic_file_open(root_fd, IMPORTED_PATH, 0644, &imported->file);
        if (r < 0)
                return r;
        for (size_t i = first; i < imported->n; i++)
                (void) fprintf(imported->file.stream, "%s\n", imported->boots[i]);
        /* A full disk must fail here, before anything is logged. */
        if (fflush(imported->file.stream) != 0) {
                r = -errno;
                atomic_file_discard(&imported->file);
                return r;
        }
        return 0;
}

int imported_commit(Imported *imported) {
        return atomic_file_commit(&imported->file);
}
