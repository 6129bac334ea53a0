// Listens on PORT, on this machine alone: what faces the internet is a proxy with TLS.

export function serve(app) {
  const server = app.listen(process.env.PORT ?? 3000, '127.0.0.1', (error) => {
    if (error) throw error;
    console.log(`Listening on http://127.0.0.1:${server.address().port}`);
  });
}
