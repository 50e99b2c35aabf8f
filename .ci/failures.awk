# Shortens gotestsum's summary of the failures of a run (name) whose log is in a file (all): what each test has
# to say is cut in its middle, and the tests after the tenth are named alone. The names come last, so that the end
# of an output says at least that. tell is texts or names, for one without the other.

# above tells whether a title is that of a test over one that is told of already.
function above(title,  test, i) {
	test = title
	sub(/ \([^()]*\)$/, "/", test)
	for (i = 1; i <= failed; i++)
		if (index(names[i], test) == 1) return 1
	return 0
}

function flush(  i) {
	if (title == "") return
	title = substr(title, 5)
	while (n > 0 && text[n] == "") n--
	if (n == 0 && above(title)) {
		title = ""
		return
	}
	names[++failed] = title
	if (failed <= 10 && tell != "names") {
		print "[" name "] " title
		for (i = 1; i <= n; i++) {
			if (i == 13 && n > 52) {
				print "    ... " (n - 52) " lines left out, " all " has them"
				i = n - 39
			}
			print (length(text[i]) > 600 ? substr(text[i], 1, 600) " ..." : text[i])
		}
		print ""
	}
	title = ""
}

/^=== (FAIL: |Errors$)/ { flush(); title = $0; n = 0; next }
/^=== (Failed|Skipped)$/ { flush(); next }
/^DONE [0-9]+ tests/ { flush(); counts = $0; next }
title != "" { text[++n] = $0 }

END {
	flush()
	if (tell == "texts") exit
	print "[" name "] " (counts == "" ? "ended without a word" : counts)
	for (i = 1; i <= failed && i <= 30; i++) print "  " names[i]
	if (failed > 30) print "  and " (failed - 30) " more, in " all
}
