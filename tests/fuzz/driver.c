/* Replays corpus files through a fuzz target: every file of each folder or file given, plus each
 * file cut short at a few places. Exits non-zero only through a crash. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replayed;

static void run_bytes(const uint8_t *data, size_t size)
{
    /* An exact-size copy, so that ASan sees a read past the end. */
    uint8_t *copy = malloc(size ? size : 1);
    if (!copy) {
        exit(2);
    }
    memcpy(copy, data, size);
    (void)LLVMFuzzerTestOneInput(copy, size);
    free(copy);
    replayed++;
}

static void run_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    if (!f) {
        return;
    }
    uint8_t *data = NULL;
    size_t size = 0, got;
    uint8_t part[65536];
    while ((got = fread(part, 1, sizeof(part), f)) > 0) {
        data = realloc(data, size + got);
        if (!data) {
            exit(2);
        }
        memcpy(data + size, part, got);
        size += got;
    }
    fclose(f);
    run_bytes(data ? data : part, size);
    for (size_t i = 1; size > 0 && i < 8; i++) {
        run_bytes(data, size * i / 8);
    }
    free(data);
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        struct stat st;
        if (stat(argv[i], &st) == 0 && S_ISDIR(st.st_mode)) {
            DIR *dir = opendir(argv[i]);
            struct dirent *e;
            while (dir && (e = readdir(dir))) {
                char path[4096];
                snprintf(path, sizeof(path), "%s/%s", argv[i], e->d_name);
                if (e->d_name[0] != '.') {
                    run_file(path);
                }
            }
            if (dir) {
                closedir(dir);
            }
        } else {
            run_file(argv[i]);
        }
    }
    run_bytes((const uint8_t *)"", 0);
    printf("%d inputs\n", replayed);
    return 0;
}
