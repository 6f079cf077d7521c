//! Who watches a long run.

/// Takes notice of how far a run is. Calls come from several threads.
pub trait Progress: Sync {
    /// So many bytes will be done in all.
    fn expect(&self, _bytes: u64) {}

    /// So many of them are done without having been read: they were there.
    fn skip(&self, _bytes: u64) {}

    /// A blob of so many bytes begins.
    fn begin(&self, digest: &str, size: u64);

    /// So many more bytes of a blob are done.
    fn advance(&self, digest: &str, bytes: u64);

    /// A blob is done.
    fn end(&self, digest: &str);
}

/// Nobody watches.
#[derive(Clone, Copy, Debug, Default)]
pub struct Quiet;

impl Progress for Quiet {
    fn begin(&self, _: &str, _: u64) {}
    fn advance(&self, _: &str, _: u64) {}
    fn end(&self, _: &str) {}
}

/// Reads a blob and reports the bytes that pass, and stops when the run is interrupted.
pub(crate) struct Watched<'a, R> {
    pub(crate) reader: R,
    pub(crate) digest: &'a str,
    pub(crate) progress: &'a dyn Progress,
    pub(crate) interrupt: &'a crate::interrupt::Interrupt,
}

impl<R: std::io::Read> std::io::Read for Watched<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.interrupt.check().map_err(std::io::Error::other)?;
        let length = self.reader.read(buffer)?;
        self.progress.advance(self.digest, length as u64);
        Ok(length)
    }
}
