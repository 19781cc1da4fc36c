/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* main() of a fuzz target where there is no libFuzzer: feeds it each file of the directories that
 * are named, once. A directory without a file is an error: it would test nothing. */

#include "fuzz.h"

#include <fcntl.h>

#include "base/file.h"

#define INPUT_MAX (1 << 20)

static void run_file(const char *directory, int dir_fd, const char *name) {
        static uint8_t buffer[INPUT_MAX];
        _cleanup_close_ int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC);
        uint8_t *data;
        ssize_t n;

        n = fd < 0 ? -1 : read(fd, buffer, sizeof(buffer));
        if (n < 0 || n == sizeof(buffer)) {
                (void) fprintf(stderr, "%s/%s: can't be read, or is too large\n", directory, name);
                exit(EXIT_FAILURE);
        }
        /* Said before: a target that fails ends the process. */
        (void) printf("%s/%s\n", directory, name);
        (void) fflush(stdout);
        data = malloc((size_t) n + 1); /* of that size, so that a sanitizer sees its end */
        REQUIRE(data);
        memcpy(data, buffer, (size_t) n);
        data = realloc(data, n > 0 ? (size_t) n : 1);
        REQUIRE(data);
        (void) LLVMFuzzerTestOneInput(data, (size_t) n);
        free(data);
}

static size_t run_directory(const char *path) {
        _cleanup_closedir_ DIR *dir = NULL;
        const char *name;
        size_t n = 0;
        int r = file_opendir(AT_FDCWD, path, &dir);

        while (r >= 0 && (name = file_readdir(dir, &r))) {
                run_file(path, dirfd(dir), name);
                n++;
        }
        if (r < 0) {
                (void) fprintf(stderr, "%s: %s\n", path, strerror(-r));
                exit(EXIT_FAILURE);
        }
        return n;
}

int main(int argc, char **argv) {
        for (int i = 1; i < argc; i++)
                if (run_directory(argv[i]) == 0) {
                        (void) fprintf(stderr, "%s: holds no input\n", argv[i]);
                        return EXIT_FAILURE;
                }
        return argc > 1 ? EXIT_SUCCESS : EXIT_FAILURE;
}
