/* leat completion: the completion of a shell, made from the tables of commands. */
#include "cli/command.h"

#include "str.h"

static void print_options(const struct config_option *options)
{
    for (const struct config_option *o = options; o && o->name; o++) {
        printf(" --%s", o->name);
    }
}

static void print_case(const struct command *c)
{
    printf("    '%s'%s) options='--help%s", c->name, strchr(c->name, ' ') ? "" : "' '*",
           c->call ? " --json" : "");
    print_options(c->options);
    if (c->call) {
        print_options(command_client_options);
    }
    printf("' words=%s ;;\n", c->word == WORD_FILE     ? "file"
                              : c->word == WORD_FOLDER ? "folder"
                                                       : "''");
}

static void print_names(void)
{
    const struct command *c;
    for (size_t i = 0; (c = command_local(i)); i++) {
        printf(" %s", c->name);
    }
    for (size_t i = 0; (c = command_client(i)); i++) {
        if (!strchr(c->name, ' ')) {
            printf(" %s", c->name);
        }
    }
}

/* The second words of "token create" and the like. */
static void print_second(void)
{
    const struct command *c;
    for (size_t i = 0; (c = command_client(i)); i++) {
        const char *blank = strchr(c->name, ' ');
        if (blank) {
            printf("  [ \"$COMP_CWORD ${COMP_WORDS[1]}\" = '2 %.*s' ] && options=\"$options %s\"\n",
                   (int)(blank - c->name), c->name, blank + 1);
        }
    }
}

static void print_script(void)
{
    const struct command *c;
    printf("_leat() {\n"
           "  local cur=\"${COMP_WORDS[COMP_CWORD]}\" options='' words=''\n"
           "  if [ \"$COMP_CWORD\" -eq 1 ]; then\n"
           "    COMPREPLY=($(compgen -W '--help --version");
    print_names();
    printf("' -- \"$cur\"))\n    return\n  fi\n  case \"${COMP_WORDS[1]} ${COMP_WORDS[2]}\" in\n");
    /* Two words before one, which would match them, too. */
    for (size_t i = 0; (c = command_client(i)); i++) {
        if (strchr(c->name, ' ')) {
            print_case(c);
        }
    }
    for (size_t i = 0; (c = command_local(i)); i++) {
        print_case(c);
    }
    for (size_t i = 0; (c = command_client(i)); i++) {
        if (!strchr(c->name, ' ')) {
            print_case(c);
        }
    }
    printf("  esac\n");
    print_second();
    printf("  case \"$words${cur:0:1}\" in\n"
           "    file | file[!-]) COMPREPLY=($(compgen -f -- \"$cur\")) ;;\n"
           "    folder | folder[!-]) COMPREPLY=($(compgen -d -- \"$cur\")) ;;\n"
           "    *) COMPREPLY=($(compgen -W \"$options\" -- \"$cur\")) ;;\n"
           "  esac\n"
           "}\n");
}

int command_completion(int argc, char **argv)
{
    const char *shell = argc == 2 ? argv[1] : "";
    if (strcmp(shell, "--help") == 0) {
        printf("usage: leat completion bash|zsh\n\nExample:\n  . <(leat completion bash)\n");
        return COMMAND_OK;
    }
    if (strcmp(shell, "bash") != 0 && strcmp(shell, "zsh") != 0) {
        fprintf(stderr, "leat: which shell? leat completion bash, or leat completion zsh\n");
        return COMMAND_USAGE;
    }
    if (strcmp(shell, "zsh") == 0) {
        printf("autoload -U +X bashcompinit && bashcompinit\n");
    }
    print_script();
    printf("complete -o filenames -F _leat leat\n");
    return COMMAND_OK;
}
