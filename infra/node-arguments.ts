/**
 * What short-lived objects of some thousand requests a second need: with Node's own 16 MB a young generation is full
 * every few milliseconds, and what is still under way is copied again and again. As in the scripts of package.json and the image.
 */
export const nodeArguments = ['--max-semi-space-size=32']
