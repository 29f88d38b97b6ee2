// Unpacks the browser of the package into TMPDIR, with the libraries that it brings for machines that have none.
import chromium from "@sparticuz/chromium";

console.log(await chromium.executablePath());
