/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See recorded.h. */

#include "base/recorded.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/file.h"

static bool is_recorded;

int recorded_open_root(const char *directory) {
        is_recorded = true;
        return file_open_root(directory);
}

bool recorded_is_root(void) {
        return is_recorded;
}

int recorded_check_open(int dir_fd, const char *path) {
        struct stat st;

        if (!is_recorded)
                return 0;
        if (fstatat(dir_fd, path, &st, AT_NO_AUTOMOUNT) < 0)
                return -errno;
        return S_ISREG(st.st_mode) ? 0 : -EPERM;
}

void recorded_read_node(int dir_fd, const char *path, mode_t *ret_type, dev_t *ret_devnum) {
        _cleanup_free_ char *text = NULL;
        bool is_block;

        if (file_read(dir_fd, path, &text) < 0)
                return;
        text[strcspn(text, "\n")] = '\0';
        is_block = STARTSWITH(text, "block ");
        if (!is_block && !STARTSWITH(text, "char "))
                return;
        if (parse_devnum(strchr(text, ' ') + 1, ret_devnum) >= 0)
                *ret_type = is_block ? S_IFBLK : S_IFCHR;
}

int recorded_answer(int root_fd, const char *path, const char *question, char **ret_answer) {
        _cleanup_free_ char *text = NULL;
        size_t length = strlen(question);
        char *rest, *line;
        int r;

        r = file_read(root_fd, path, &text);
        if (r < 0)
                return r;
        rest = text;
        while ((line = strsep(&rest, "\n")))
                if (strncmp(line, question, length) == 0 && line[length] == ' ') {
                        *ret_answer = strdup(line + length + 1);
                        return *ret_answer ? 0 : -ENOMEM;
                }
        return -ENODATA;
}
