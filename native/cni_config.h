/*
 * What the CNI program must read by itself when no agent answers: two strings of the network config, and whether a
 * name is safe as a file name. A scan over bytes without allocation or recursion: any input ends, none is trusted.
 */
#ifndef PODLANE_CNI_CONFIG_H
#define PODLANE_CNI_CONFIG_H

#include <string.h>

#define VERSION_SIZE 32
#define NEWEST_VERSION "1.1.0"
#define SUPPORTED_VERSIONS(sep) "0.1.0" sep "0.2.0" sep "0.3.0" sep "0.3.1" sep "0.4.0" sep "1.0.0" sep "1.1.0"

static int is_alphanumeric(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* The specification's pattern for container IDs and network names; every version fits it too. */
static int valid_name(const char *text, size_t length, size_t longest)
{
	if (length == 0 || length > longest || !is_alphanumeric(text[0]))
		return 0;
	for (size_t i = 1; i < length; i++)
		if (!is_alphanumeric(text[i]) && text[i] != '_' && text[i] != '.' && text[i] != '-')
			return 0;
	return 1;
}

/* The kernel's rules (dev_valid_name), printable ASCII, and no '%', which the kernel would take for a pattern. */
static int valid_interface(const char *name)
{
	size_t length = strlen(name);

	if (length == 0 || length > 15 || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return 0;
	for (size_t i = 0; i < length; i++)
		if (name[i] <= ' ' || name[i] > '~' || name[i] == '/' || name[i] == ':' || name[i] == '%')
			return 0;
	return 1;
}

/* Index behind the closing quote of the string that begins at `at`, or `length`. */
static size_t string_end(const char *json, size_t length, size_t at)
{
	for (at++; at < length; at++) {
		if (json[at] == '\\')
			at++;
		else if (json[at] == '"')
			return at + 1;
	}
	return length;
}

/*
 * Copies the value of a key of the outermost object, if it is a string that valid_name accepts, and returns 1.
 * As in JSON.parse the last of two equal keys counts.
 */
static int config_string(const char *json, size_t length, const char *key, char *out, size_t size)
{
	size_t key_length = strlen(key), end;
	int depth = 0, is_key = 0, matched = 0, found = 0;

	for (size_t i = 0; i < length; i = end) {
		end = i + 1;
		switch (json[i]) {
		case '"':
			end = string_end(json, length, i);
			if (depth != 1)
				break;
			if (is_key) {
				matched = end - i == key_length + 2 && memcmp(json + i + 1, key, key_length) == 0;
				found = matched ? 0 : found;
			} else if (matched && end - i >= 2 && valid_name(json + i + 1, end - i - 2, size - 1)) {
				memcpy(out, json + i + 1, end - i - 2);
				out[end - i - 2] = '\0';
				found = 1;
			}
			break;
		case '{':
		case '[':
			is_key = depth++ == 0;
			break;
		case '}':
		case ']':
			if (--depth <= 0)
				return found;
			break;
		case ',':
			is_key = depth == 1;
			break;
		case ':':
			is_key = 0;
			break;
		default:
			break;
		}
	}
	return found;
}

/* The version an error is answered in: the config's, 0.1.0 where it names none, ours where it names an unknown one. */
static void version_in_use(const char *json, size_t length, char out[VERSION_SIZE])
{
	char quoted[VERSION_SIZE + 2];
	size_t n;

	if (!config_string(json, length, "cniVersion", out, VERSION_SIZE)) {
		strcpy(out, "0.1.0");
		return;
	}
	n = strlen(out);
	quoted[0] = ' ';
	memcpy(quoted + 1, out, n);
	strcpy(quoted + 1 + n, " ");
	if (!strstr(" " SUPPORTED_VERSIONS(" ") " ", quoted))
		strcpy(out, NEWEST_VERSION);
}

#endif
